"""The JavaScript clients `akismet-api` and `perspective-api-client`, unmodified, under the vendors' own addresses.

Neither is told of us: their names lead to us, and the certificate for those names is one of a private authority, which
`NODE_EXTRA_CA_CERTS` makes them trust. That is what `deploy/switch-dns.md` tells an operator to do.
"""

import datetime
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.service import ABUSE, SPAM

FOLDER = Path(__file__).parent / "node"
NAMES = ("rest.akismet.com", "*.rest.akismet.com", "commentanalyzer.googleapis.com")

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
)


@pytest.fixture(scope="session")
def modules() -> Path:
    """Install the clients as the lock file has them."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    lock = FOLDER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, check=True, timeout=110
        )
        installed.touch()
    return FOLDER


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
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


@pytest.fixture
def node(service, modules, authority, tls):
    """Run a program of the folder and give what it printed."""

    def run(program, *arguments):
        environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {
            "NODE_EXTRA_CA_CERTS": str(authority / "root.pem"),
            "TLS_PORT": str(tls),
            "PLAIN_PORT": service.url.rpartition(":")[2],
            "SPAM": SPAM,
            "ABUSE": ABUSE,
        }
        told = subprocess.run(
            ["node", "--no-deprecation", "--require", "./redirect.js", program, *arguments],
            cwd=modules,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    return run


def test_akismet_api_checks_and_corrects(node, key):
    assert node("akismet.js", key, "all") == {
        "verified": True,
        "ham": False,
        "spam": True,
        "honeypot": True,
        "submitted": "Thanks for making the web a better place.",
        "taken_back": "Thanks for making the web a better place.",
    }


def test_akismet_api_hears_that_a_key_is_wrong(node):
    told = node("akismet.js", "ffffffffffff", "refusal")
    assert told["verified"] is False
    assert told["refused"] == "error: Invalid API key"


async def test_what_akismet_api_corrects_is_a_label(node, key, labels):
    node("akismet.js", key, "all")
    found = [label for label in await labels() if label.text == "From the JavaScript client"]
    assert [label.values for label in found] == [{"spam": 0.0}]


def test_perspective_api_client_scores(node, key):
    told = node("perspective.js", key)
    assert told["plain"]["attributeScores"]["TOXICITY"]["summaryScore"]["value"] > 0.5
    assert set(told["several"]["attributeScores"]) == {"TOXICITY", "SPAM"}
    assert "attributeScores" not in told["whole"]
    assert told["unknown"] == {"error": "Unknown requested attribute: FLIRTATION", "status": 400}
    assert told["language"] == {"error": "Attribute TOXICITY does not support request languages: om", "status": 400}
