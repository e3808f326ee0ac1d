"""The OCI standard: a store of blobs, images made of them, and registries. It knows no plan."""
