"""The JavaScript client for forms, run by Node against the running service."""

import json
import shutil
import subprocess

import pytest

from tests.service import REPOSITORY, serving

STORY = """
import { Comments, Refused } from %(client)s;
const headers = { Origin: %(url)s };
const comments = new Comments({ url: %(url)s, formKey: %(key)s, page: "https://news.example/a", title: "A", headers });
comments.opened -= 10000;
const told = {};
const sent = await comments.submit({ name: "Ann", email: "ann@posteo.net", text: "A good walk along the new river path." });
told.sent = sent.status;
told.listed = (await comments.list()).comments.map((comment) => comment.text);
told.reported = (await comments.report(sent.id, "just a test")).reported;
try { await comments.submit({ name: "", email: "x", text: "" }); }
catch (error) { told.refused = error instanceof Refused && error.errors.map((one) => one.field).sort(); }
console.log(JSON.stringify(told));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
def test_a_page_sends_lists_and_reports(tmp_path):
    client = REPOSITORY / "moderation/console/static/comments.js"
    shutil.copy(client, tmp_path / "comments.mjs")
    with serving(tmp_path / "data") as service:
        facts = {"client": "./comments.mjs", "url": service.url, "key": service.first["form_key"]}
        story = STORY % {name: json.dumps(value) for name, value in facts.items()}
        (tmp_path / "story.mjs").write_text(story)
        said = subprocess.run(
            ["node", "story.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert said.returncode == 0, said.stderr
        served = service.http().get("/client/comments.js")
    assert json.loads(said.stdout) == {
        "sent": "approved",
        "listed": ["A good walk along the new river path."],
        "reported": True,
        "refused": ["email", "name", "text"],
    }
    assert served.headers["access-control-allow-origin"] == "*"
    assert served.headers["cross-origin-resource-policy"] == "cross-origin"
