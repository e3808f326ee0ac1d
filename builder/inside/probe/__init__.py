"""Runs inside the judged environment and reports facts, never judgements.

Standard library only, Python 3.7 grammar. The sources travel as text and are loaded from memory under
another package name, so nothing of this project has to be installed where they run.
"""
