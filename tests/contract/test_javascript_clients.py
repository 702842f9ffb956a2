"""JavaScript clients of Akismet and Perspective, unmodified, under the vendors' own addresses.

None of them is told of us: the names lead to us, and the certificate for those names is one of a private authority, which
`NODE_EXTRA_CA_CERTS` makes them trust. That is what `deploy/switch-dns.md` tells an operator to do.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service import ABUSE, SPAM

FOLDER = Path(__file__).parent / "node"

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


def test_waline_checks_before_it_publishes(node, key):
    assert node("waline.js", key) == {"fine": False, "spam": True, "reported": None, "taken_back": None}


def test_waline_hears_that_a_key_is_wrong(node):
    told = node("waline.js", "ffffffffffff")
    assert told["spam"] == "error: Akismet API_KEY verify failed!"


def test_cedx_akismet_checks_and_corrects(node, key):
    assert node("cedx.mjs", key) == {
        "verified": True, "ham": "ham", "spam": "pervasiveSpam", "certain": "spam", "tagged": "ham",
        "submitted": None, "taken_back": None,
    }  # fmt: skip


def test_cedx_akismet_takes_a_refusal_for_an_error_and_not_for_spam(node):
    told = node("cedx.mjs", "ffffffffffff")
    assert told["verified"] is False
    assert told["ham"].startswith("error: the key is missing, wrong or revoked")


def test_jigsaws_own_client_scores(node, key):
    told = node("jigsaw.js", key)
    assert set(told["abuse"]) == {"SPAM", "TOXICITY"}
    assert told["abuse"]["TOXICITY"] > 0.5
    assert set(told["several"]) == {"INSULT", "THREAT"}
    assert "status code 400" in told["refused"]["error"]
