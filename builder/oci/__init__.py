"""Images made without an engine: layers, manifests, layouts and bases, as the OCI standards have them."""
