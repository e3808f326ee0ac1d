"""What travels into an image. Only the standard library, and what Python 3.8 understands."""
