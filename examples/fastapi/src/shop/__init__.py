"""A shop that knows its prices."""
