"""What a user writes: the spec, how it is read, and what is wrong with it."""
