"""WordPress's own hooks and HTTP API with the unmodified Akismet plugin, led here by our must-use plugin."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.conftest import comments_of
from tests.service import REPOSITORY, SPAM

PLUGIN = REPOSITORY / "deploy" / "wordpress" / "comment-moderation.php"
PROGRAM = Path(__file__).parent / "wordpress" / "comment.php"
PLACES = ("/usr/local/share/wordpress", "/usr/share/wordpress")
WORDPRESS = next((place for place in PLACES if Path(place, "wp-content/plugins/akismet").exists()), "")

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")


@pytest.fixture
def told(service, key):
    """Run the program against a service and give what the plugin made of the answers."""
    if not WORDPRESS:
        pytest.skip("WordPress with its Akismet plugin is not installed")

    def run(url=service.url, key=key):
        done = subprocess.run(
            ["php", str(PROGRAM), WORDPRESS, url, key, SPAM], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def test_php_reads_the_plugin():
    checked = subprocess.run(["php", "-l", str(PLUGIN)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_plugin_of_akismet_hears_us(told, service):
    made = told()
    account = json.loads(made.pop("account"))
    assert account["status"] == "active"
    assert made == {
        "key": "valid", "other": "invalid",
        "fine": {"result": "false", "tip": ""}, "spam": {"result": "true", "tip": "discard"},
        "reported": "Thanks for making the web a better place.", "elsewhere": True,
    }  # fmt: skip
    (kept,) = [one for one in comments_of(service) if "from WordPress" in one["text"]]
    assert kept["text"] == 'Last week\'s "night buses" were on time, from WordPress'
    assert (kept["name"], kept["channel"]) == ("Ann", "akismet")


def test_what_nobody_answers_is_held_and_not_published(told):
    made = told(url="http://127.0.0.1:9")
    assert made["key"] == "failed"
    assert made["fine"]["result"] not in ("true", "false")
