"""Locks of other tools, as `envspec init` keeps them, beside what those tools say that they hold."""
