"""A receiver of webhooks on loopback, that behaves as well or as badly as it is told to."""

import asyncio
import contextlib
import datetime
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Received(msgspec.Struct, frozen=True):
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)


Answer = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """Listens on 127.0.0.1 and keeps what it gets. `answer` may be changed while it runs."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.got: list[Received] = []
        self.sent = 0
        self._tls = tls
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=self._tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *rest = head.split("\r\n")
            headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in rest if row)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            received = Received(line.split()[1], headers, body)
            self.got.append(received)
            await self.answer(received, writer)
            await writer.drain()
        writer.close()
        self._handlers.discard(task)


def status(code: int, *headers: str) -> Answer:
    """Answer at once with this status."""

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {code} Word", "Content-Length: 0", "Connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Answer each request with the next of these, and with the last one from then on."""
    left = list(answers)

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(received, writer)

    return answer


async def hang(_: Received, writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(60)


async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, for ever."""
    for letter in "HTTP/1.1 200 OK\r\nX-Slow: " + "x" * 1000:
        writer.write(letter.encode())
        await writer.drain()
        await asyncio.sleep(0.05)


async def not_http(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answer something else."""
    writer.write(b"220 mail.example ESMTP\r\n")


async def drop(_: Received, writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""


def flood(receiver: Callable[[], Receiver], size: int) -> Answer:
    """Answer 200 with a body of so many bytes; the receiver counts what it could send."""

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 65_536):
            writer.write(b"x" * 65_536)
            await writer.drain()
            receiver().sent += 65_536

    return answer


@contextmanager
def certificate(folder: Path, name: str) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """Make a certificate for a name that nobody has signed; give the server's side of it, and its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    yield context, file
