"""A gRPC server that greets."""
