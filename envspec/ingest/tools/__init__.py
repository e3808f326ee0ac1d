"""The tables that tools have in `pyproject.toml`, each in a file of its own."""
