"""The lock: every artifact by name, version and sha256, in our form and in others'."""
