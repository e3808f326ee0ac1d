"""What can be proved of a lock without installing it."""
