"""Bases that are made here rather than pulled."""
