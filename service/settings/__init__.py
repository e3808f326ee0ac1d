"""How the service runs: what the environment asks for, what the container grants, and sizes for the rest."""
