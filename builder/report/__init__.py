"""The report: one object with all that a run found, and its forms for people and programs."""
