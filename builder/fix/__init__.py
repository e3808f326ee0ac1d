"""The search for the smallest change after which a spec builds and verifies."""
