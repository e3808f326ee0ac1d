"""The client for asyncio: the same calls, each in a thread, so that it still needs nothing but Python."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator
from typing import Any

from service.client.blocking import Client, Heard, Speech


class AsyncClient:
    """A client of one service for asyncio; made of the same arguments as `Client`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._client = Client(*arguments, **named)

    async def speak(self, text: str, **choices: Any) -> Speech:
        """As `Client.speak`."""
        return await asyncio.to_thread(self._client.speak, text, **choices)

    async def hear(self, audio: bytes, **choices: Any) -> Heard:
        """As `Client.hear`."""
        return await asyncio.to_thread(self._client.hear, audio, **choices)

    async def stream(self, text: str, **choices: Any) -> AsyncIterator[bytes]:
        """As `Client.stream`."""
        pieces = self._client.stream(text, **choices)
        try:
            while True:
                piece = await asyncio.to_thread(next, pieces, None)
                if piece is None:
                    return
                yield piece
        finally:
            pieces.close()

    async def save(self, text: str, path: pathlib.Path, **choices: Any) -> None:
        """As `Client.save`."""
        await asyncio.to_thread(self._client.save, text, path, **choices)

    async def voices(self) -> dict[str, Any]:
        """As `Client.voices`."""
        return await asyncio.to_thread(self._client.voices)

    async def wait_until_ready(self, seconds: float = 60.0) -> None:
        """As `Client.wait_until_ready`."""
        await asyncio.to_thread(self._client.wait_until_ready, seconds)
