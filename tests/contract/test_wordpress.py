"""WordPress with the unmodified Akismet plugin, led here by our must-use plugin: what its admin and its readers see."""

import json
import re
import shutil
import subprocess

import pytest

from tests.contract.blog import MISSING, PLUGIN, SETTINGS, blogging
from tests.contract.conftest import KEY, comments_of
from tests.service import ABUSE, SPAM, wait_for

AWAY = "http://127.0.0.1:9"


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
def test_php_reads_the_plugin():
    checked = subprocess.run(["php", "-l", str(PLUGIN)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def blog(service):
    """Run a blog whose plugin has the demo site's key, and which hears what the demo site's moderators decide."""
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}")
    with blogging() as blog:
        blog.led_to(service.url)
        blog.install()
        assert "The key you entered is invalid" in blog.enter("ffffffffffff")
        assert "Akismet is now protecting your site from spam" in blog.enter(KEY)
        hook = {"url": f"{blog.url}/?rest_route=/comment-moderation/v1/events"}
        made = service.staff.post("/v1/sites/demo/webhooks", json=hook)
        assert made.status_code == 201, made.text
        blog.led_to(service.url, made.json()["secret"])
        yield blog
        service.staff.delete(f"/v1/webhooks/{made.json()['id']}")


def kept(service, text):
    (found,) = [comment for comment in comments_of(service) if text in comment["text"]]
    return found


def test_what_is_good_is_published_and_what_is_spam_is_not(blog, service):
    fine = blog.comment('Last week\'s "night buses" were on time, from WordPress')
    assert blog.status(fine) == "1"
    comment = kept(service, "from WordPress")
    assert comment["text"] == 'Last week\'s "night buses" were on time, from WordPress'
    assert (comment["name"], comment["channel"]) == ("Ann", "akismet")
    assert blog.status(blog.comment(SPAM, "Best casino", "casino@blog.example")) == "spam"
    assert blog.status(blog.comment("To see that it works", "akismet-guaranteed-spam")) == "spam"


def test_what_waits_here_waits_there_and_hears_what_a_moderator_decides(blog, service):
    waiting = blog.comment(ABUSE + ", they wrote on the blog", "Rude", "rude@posteo.net")
    assert blog.status(waiting) == "0"
    case = f"/v1/queue/{kept(service, 'they wrote on the blog')['id']}"

    def decide(**decision):
        assert service.staff.post(f"{case}/decision", json=decision).status_code == 200

    decide(decision="approve")
    wait_for(lambda: blog.status(waiting) == "1")
    assert service.staff.post(f"{case}/undo").status_code == 200
    wait_for(lambda: blog.status(waiting) == "0")
    decide(decision="reject", reason="toxic")
    wait_for(lambda: blog.status(waiting) == "trash")


def test_an_event_that_nobody_signed_changes_nothing(blog):
    event = {
        "type": "comment.rejected",
        "data": {"id": "demo-1", "status": "rejected", "version": 9, "decision": None, "reasons": []},
    }
    headers = {"webhook-id": "m1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    refused = blog.admin.post("/?rest_route=/comment-moderation/v1/events", json=event, headers=headers)
    assert refused.status_code == 401


async def test_what_the_admin_calls_spam_or_not_is_a_label_and_stays_so(blog, labels):
    wrong = blog.comment(SPAM + " from the blog", "Best casino", "casino2@blog.example")
    blog.act(wrong, "unspamcomment")
    missed = blog.comment("Missed on the blog", "Eve", "eve@posteo.net")
    blog.act(missed, "spamcomment")
    assert (blog.status(wrong), blog.status(missed)) == ("0", "spam")
    found = {label.text: label.values for label in await labels() if label.source == "akismet"}
    assert found["Missed on the blog"] == {"spam": 1.0}
    assert found[SPAM + " from the blog"] == {"spam": 0.0}
    assert json.loads(blog.recheck_queue())["counts"]["error"] == 0
    assert blog.status(wrong) == "0"


def test_while_nobody_answers_a_comment_is_held_and_checked_again_later(blog, service):
    secret = (blog.folder / "site" / "secret").read_text()
    blog.led_to(AWAY, secret)
    held = blog.comment("Sent while nobody answered", "Una", "una@posteo.net")
    assert blog.status(held) == "0"
    blog.led_to(service.url, secret)
    blog.recheck_by_clock()
    assert blog.status(held) == "1"


def test_the_settings_page_shows_the_figures(blog):
    said = blog.told(blog.admin.get(SETTINGS).text)
    assert re.search(r"Past six months \d+ Spam blocked", said), said
    assert re.search(r"Accuracy [\d.]+%", said), said
