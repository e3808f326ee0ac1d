"""Makes the environment a spec describes, and judges what was made."""
