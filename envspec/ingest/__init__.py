"""Reads what others describe environments with, and makes a first spec of it."""
