"""Wheels made here from sources: trees of the spec's, archives, commits of git."""
