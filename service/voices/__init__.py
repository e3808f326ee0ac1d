"""Voice engines: the port that the service speaks through, and one file for each engine."""
