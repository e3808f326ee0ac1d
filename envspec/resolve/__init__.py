"""From a spec to a lock: one joint solution, then each package to the first stage that needs it."""
