"""The READMEs: what they say of archives, labels and advertising is so."""

import json
import re

import msgspec
import pytest

from classifiers.dataset import read as rows_of
from moderation.archives import _DECIDED, _Line, read
from tests.service import REPOSITORY, command, serving, wait_for
from tests.test_documents import blocks_of

README = REPOSITORY / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.fixture
def archive(tmp_path):
    """Write the archive that the README shows."""
    (shown,) = [block for block in blocks_of(README) if block.startswith('{"id"')]
    path = tmp_path / "archive.jsonl"
    path.write_text(shown, encoding="utf-8")
    return path


def test_the_archive_that_is_shown_is_taken_over(archive, tmp_path):
    data = tmp_path / "data"
    command("site", "add", "blog", data=data)
    said = command("import", str(archive), "--site", "blog", data=data)
    assert "4 read, 3 taken over, 0 known already, left out: 1 undecided." in said


def test_every_status_and_every_field_of_an_archive_is_told_and_no_other(archive):
    part = TEXT.partition("A JSONL archive has")[2].partition("\n## ")[0]
    told = set(re.findall(r"`([a-z_]+|1)`", part)) - {"status"}
    fields = {field.name for field in msgspec.structs.fields(_Line)} - {"status"}
    assert told == fields | set(_DECIDED)
    shown = [json.loads(line)["status"] for line in archive.read_text(encoding="utf-8").splitlines()]
    assert [past.reason or past.decision or past.skip for past in read(archive, "jsonl")] == [
        {"approved": "approve", "waiting": "undecided"}.get(status, status) for status in shown
    ]


def test_the_label_that_is_shown_can_be_read(tmp_path):
    page = REPOSITORY / "classifiers" / "README.md"
    (shown,) = [block for block in blocks_of(page) if block.strip().startswith("{")]
    (tmp_path / "labels.jsonl").write_text(shown, encoding="utf-8")
    rows = rows_of([tmp_path / "labels.jsonl"])
    assert (rows.text, rows.lang) == (["Nobody asked you, fool"], ["en"])
    assert rows.column("toxicity")[0] == pytest.approx(0.8)


def test_implied_hate_is_published_until_the_policy_holds_it(tmp_path):
    (threshold,) = re.findall(r"`(\{\"toxicity\": .*\})`", TEXT)
    (quoted,) = re.findall(r'"(Muslims aren\'t welcome[^"]*)"', TEXT.replace("\n", " "))
    with serving(tmp_path / "data") as service:

        def judged():
            return service.site.post("/v1/score", json={"text": quoted}).json()["verdict"]

        for changed, verdict in (
            ({}, "approve"),
            ({"profile": "strict"}, "approve"),
            ({"thresholds": json.loads(threshold)}, "hold"),
        ):
            policy = json.loads(service.command("site", "policy", "show", "demo")) | changed
            (tmp_path / "policy.json").write_text(json.dumps(policy))
            service.command("site", "policy", "set", "demo", str(tmp_path / "policy.json"))
            wait_for(lambda wanted=verdict: judged() == wanted)


def test_what_looks_like_advertising_is_rejected_until_the_policy_holds_it(tmp_path):
    (threshold,) = re.findall(r"`(\{\"spam\": .*\})`", TEXT)
    (quoted,) = re.findall(r'"(write to me on WhatsApp[^"]*)"', TEXT.replace("\n", " "))
    comment = {"text": f"If you want to join our cleanup group, {quoted}"}
    with serving(tmp_path / "data") as service:

        def judged():
            return service.site.post("/v1/score", json=comment).json()["verdict"]

        assert judged() == "reject"
        policy = json.loads(service.command("site", "policy", "show", "demo"))
        policy["thresholds"] |= json.loads(threshold)
        (tmp_path / "policy.json").write_text(json.dumps(policy))
        service.command("site", "policy", "set", "demo", str(tmp_path / "policy.json"))
        wait_for(lambda: judged() == "hold")
