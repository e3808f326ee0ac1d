"""Reads Dockerfiles, and the commands that they run."""
