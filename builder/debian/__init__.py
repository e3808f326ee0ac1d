"""The world of Debian packages: archives, closures, and a base made from them."""
