"""A worker that counts words."""
