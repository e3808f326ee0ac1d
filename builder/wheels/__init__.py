"""Wheels into the layers of an image, without an installer."""
