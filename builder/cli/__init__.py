"""The command line: one file a command, and the one place that turns results into exit codes."""
