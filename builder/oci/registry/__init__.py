"""OCI registries: references, credentials, pulls and pushes."""
