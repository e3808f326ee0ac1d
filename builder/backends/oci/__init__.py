"""The oci backend: an image without an engine."""
