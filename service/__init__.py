"""The payload of envspec: a small speech service. It imports nothing of ours, because it travels alone."""
