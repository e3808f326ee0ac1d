"""Code for cards in wheels: what it runs on, what driver it wants, and what of a target it leaves unserved."""
