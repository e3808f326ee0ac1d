"""OCI images: their documents, layouts and artifacts."""
