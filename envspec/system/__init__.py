"""What everything stands on: errors, findings, rules, processes, progress and the tool's home."""
