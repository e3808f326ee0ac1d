"""What an environment should be, and what can be proved of it without building it."""
