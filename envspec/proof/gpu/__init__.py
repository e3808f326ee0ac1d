"""Device code, cards, drivers and CUDA libraries: what a set of wheels needs of a machine with a GPU."""
