"""Synthesis in processes of their own: the wire to them, one worker, and a pool of workers."""
