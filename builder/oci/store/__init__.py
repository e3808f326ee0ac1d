"""The store of blobs, and what layers are made of."""
