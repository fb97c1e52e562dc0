"""One Jenkins under many URLs: loopback ports that all lead to it, as if there were many controllers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Doors:
    """A context manager. `urls`: the URLs of ``target``, each with its own port, with a trailing slash."""

    urls: tuple[str, ...]

    def __init__(self, target: str, count: int) -> None:
        parts = urlsplit(target)
        self._host, self._port, self._path = str(parts.hostname), int(parts.port or 80), parts.path.rstrip("/") + "/"
        self._count = count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        ports = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(60)
        self.urls = tuple(f"http://127.0.0.1:{port}{self._path}" for port in ports)
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> list[int]:
        self._servers = [await asyncio.start_server(self._serve, "127.0.0.1", 0) for _ in range(self._count)]
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            behind_reader, behind_writer = await asyncio.open_connection(self._host, self._port)
            await asyncio.gather(_pass_on(reader, behind_writer), _pass_on(behind_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
