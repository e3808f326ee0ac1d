"""Benchmarks: what this project claims about speed, measured side by side with what one would use instead."""
