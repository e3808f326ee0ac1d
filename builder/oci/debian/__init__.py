"""A base from Debian's packages: resolved, fetched, verified and laid out without root or their scripts."""
