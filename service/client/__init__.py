"""A client of the service that needs nothing but Python; `python -m service.client` is its command line."""

from __future__ import annotations

from service.client.blocking import Client, ClientError, Heard, Speech

__all__ = ["Client", "ClientError", "Heard", "Speech"]
