"""Sound: the value that engines return, its formats, and what can honestly be done to it."""
