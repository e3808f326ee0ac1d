"""The trial: the payload is started inside its environment, asked once, and its answer looked at."""
