"""What compiled modules say about themselves, read from their bytes: ELF, NumPy's C API, struct sizes."""
