"""One service for all contract tests, with a compat key for its demo site, and a look at what it has kept.

For clients without a setting there are the vendors' names, too: a certificate for them, and TLS before the service.
"""

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moderation.app import house
from moderation.digests import Digests
from moderation.records import Label
from moderation.secrets import pepper_of
from moderation.settings import load
from moderation.store import keys
from moderation.store.folder import DataFolder
from tests.service import Service, run, serving

KEY = "0123456789ab"
NAMES = ("rest.akismet.com", "*.rest.akismet.com", "commentanalyzer.googleapis.com")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the service; its demo site has the compat key `KEY`."""
    data = tmp_path_factory.mktemp("contract") / "data"
    # a blog of the tests hears what moderators decide, and it has a private address
    with serving(data, MODERATION_WEBHOOKS__ALLOW="127.0.0.0/8") as running:
        made = run("key", "create", "--compat", "--site", "demo", "--value", KEY, "--json", data=data)
        assert json.loads(made.stdout)["key"] == KEY
        yield running


@pytest.fixture(scope="session")
def key(service: Service) -> str:
    """Give the demo site's compat key."""
    return KEY


@pytest.fixture(autouse=True)
def forgiven(service: Service) -> None:
    """Forget how often a wrong key came from here: guesses have an allowance for each network, and all come from one."""
    here = Digests(pepper_of(load({"MODERATION_DATA": str(service.data)}))).address("127.0.0.1")
    with redis.Redis(unix_socket_path=str(DataFolder(service.data).socket())) as client:
        client.delete(keys.login("compat", here))


@pytest.fixture
def labels(service: Service) -> Callable[[], Awaitable[list[Label]]]:
    """Read the demo site's labels, oldest first, past the service."""

    async def read() -> list[Label]:
        async with house(load({"MODERATION_DATA": str(service.data)})) as rooms:
            return [label async for label in rooms.labels.walk("demo")]

    return read


def comments_of(service: Service) -> list[dict[str, object]]:
    """List every comment of the demo site as its staff sees it."""
    found: list[dict[str, object]] = []
    cursor = "0"
    while True:
        page = service.staff.get("/v1/comments", params={"site": "demo", "since": cursor, "limit": 200}).json()
        found += page["comments"]
        if not page["more"]:
            return found
        cursor = page["cursor"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a private authority, and a certificate of it for the vendors' names."""
    folder = tmp_path_factory.mktemp("certificates")
    now = datetime.datetime.now(datetime.UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private authority of a test")])

    def certificate(name, public, issuer, signer, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root = certificate(
        root_name, root_key.public_key(), root_name, root_key, (x509.BasicConstraints(ca=True, path_length=0), True)
    )
    leaf = certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])]),
        key.public_key(),
        root_name,
        root_key,
        (x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES]), False),
    )
    (folder / "root.pem").write_bytes(root)
    (folder / "leaf.pem").write_bytes(leaf)
    (folder / "leaf.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


@pytest.fixture(scope="session")
def tls(service, authority):
    """Stand before the service as a reverse proxy that ends TLS and leaves everything else as it came; give its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "leaf.pem", authority / "leaf.key")
    target = (ipaddress.ip_address("127.0.0.1").compressed, int(service.url.rpartition(":")[2]))

    def carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(listener):
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(plain,), daemon=True).start()

    def answer(plain):
        try:
            with context.wrap_socket(plain, server_side=True) as client, socket.create_connection(target) as behind:
                back = threading.Thread(target=carry, args=(behind, client), daemon=True)
                back.start()
                carry(client, behind)
                back.join(10)
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
