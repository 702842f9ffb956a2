"""A line between the service and its store that can be cut, slowed, reset, or made to say what a store says in trouble."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hiredis


class Line:
    """Listens where the service looks for its store, and passes everything on while `trouble` is empty."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.trouble = ""
        """'' (pass), reset, hold (nothing gets through), or an error line such as '-LOADING ...'."""
        self.delay = 0.0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen; at the same port after a `close`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop every connection: the store is down."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()

    def drop(self) -> None:
        """Reset every connection that is open."""
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        upstream = None
        try:
            upstream, there = await asyncio.open_connection("127.0.0.1", self.upstream)
            back = asyncio.create_task(self._back(upstream, writer))
            commands = hiredis.Reader()
            try:
                while data := await reader.read(65536):
                    if self.trouble == "reset":
                        _reset(writer)
                        return
                    commands.feed(data)
                    count = 0
                    while commands.gets() is not False:
                        count += 1
                    if self.trouble == "hold":
                        continue
                    if self.trouble:
                        writer.write(f"{self.trouble}\r\n".encode() * count)
                        await writer.drain()
                        continue
                    there.write(data)
                    await there.drain()
            finally:
                back.cancel()
                there.close()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _back(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await upstream.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.trouble != "hold":
                    writer.write(data)
                    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    handle = writer.get_extra_info("socket")
    if handle is not None:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def line_to(upstream: int) -> AsyncIterator[Line]:
    """Run a line to a store at this port."""
    line = Line(upstream)
    await line.open()
    try:
        yield line
    finally:
        await line.close()
