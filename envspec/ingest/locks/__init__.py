"""Reads the locks of other tools: versions and digests, to be kept as they are."""
