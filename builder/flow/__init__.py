"""One run from a spec to a verdict, phase by phase."""
