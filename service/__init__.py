"""The payload: a small speech service. It imports neither envspec nor builder, because it travels alone."""
