"""All that runs in somebody else's Python: the standard library alone, and nothing of ours from outside."""
