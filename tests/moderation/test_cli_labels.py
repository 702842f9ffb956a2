"""The files that `moderation labels export` writes are those that `classifiers` reads."""

import stat

import msgspec
import pyarrow.parquet as pq
import pytest

from classifiers.dataset import read
from classifiers.evidence import to_learn
from classifiers.registry import Registry
from moderation.learning import COLUMNS
from tests.service import ABUSE, a_comment, run, serving
from tests.versions import added

PRAISE = "I really enjoyed reading this article about the castle"


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """Give the data folder of a service that has ended, with two rejected comments and an approved one."""
    data = tmp_path_factory.mktemp("labels") / "data"
    with serving(data) as service:
        site, staff = service.http(service.first["site_key"]), service.http(service.first["admin_key"])
        for text, url, ruling in (
            (ABUSE, "", {"decision": "reject", "reason": "toxic"}),
            ("Thank you.", "https://lee.example", {"decision": "approve"}),
            (PRAISE, "https://best-casino-bonus.com/win", {"decision": "reject", "reason": "spam"}),
        ):
            taken = site.post("/v1/comments", json=a_comment(text, url=url)).raise_for_status().json()
            staff.post(f"/v1/queue/{taken['id']}/decision", json={**ruling, "version": 1}).raise_for_status()
    return data


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_an_export_is_read_by_training_and_by_nobody_else(decided, tmp_path, suffix):
    out = tmp_path / f"labels.{suffix}"
    said = run("labels", "export", "--site", "demo", "--out", str(out), data=decided)
    assert said.stdout.strip() == f"3 labels written to {out}"
    rows = read([out])
    said = dict(zip(rows.text, rows.column("toxicity").tolist(), strict=True))
    assert (said["Thank you."], said[ABUSE]) == (0.0, 1.0)
    assert {text for text, about in zip(rows.text, rows.about, strict=True) if about == "author"} == {PRAISE}
    assert to_learn(rows).left_out == {"about the author's name or link": 1}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not any(word in out.read_bytes() for word in (b"posteo", b"casino"))
    if suffix == "parquet":
        assert tuple(pq.read_schema(out).names) == COLUMNS
        seen = pq.read_table(out).to_pylist()
    else:
        seen = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    for row in seen:
        assert all(row[name] not in (None, "") for name in ("text", "source", "by", "author", "at", "model", "weight"))
        assert 0 <= row["score_toxicity"] <= 1
    assert {row["reason"] or "approved" for row in seen} == {"toxic", "approved", "spam"}


def test_a_lesson_is_taken_back_from_the_command_line(decided, tmp_path):
    out = tmp_path / "labels.jsonl"
    run("labels", "export", "--out", str(out), data=decided)
    label = read([out]).label_id[0]
    registry = Registry(decided / "models")
    added(registry, "knows-it", learned=(label,))
    said = run("labels", "unlearn", label, "--site", "demo", data=decided).stdout
    assert "taken back" in said
    assert "Version knows-it had learned from it, and what is adapted from it holds it too." in said
    assert f"adapt a version that has not (`classifiers adapt --base {registry.bundled()}`), or train anew" in said
    again = run("labels", "unlearn", label, "--site", "demo", data=decided, check=False)
    assert (again.returncode, again.stderr.strip()) == (2, f"moderation: no label has the id '{label}'")
    unknown = run("labels", "unlearn", label, data=decided, check=False)
    assert (unknown.returncode, unknown.stderr) == (again.returncode, again.stderr), "no site has it"
    others = list(read([out]).label_id[1:])
    run("labels", "export", "--out", str(out), data=decided)
    assert list(read([out]).label_id) == others
    for other in others:
        assert "taken back" in run("labels", "unlearn", other, data=decided).stdout, "its site is looked for"
    assert run("labels", "export", "--out", str(out), data=decided).stdout.startswith("0 labels")


def test_an_unfit_place_is_said_in_one_line(decided, tmp_path):
    refused = run("labels", "export", "--out", str(tmp_path / "no" / "x.jsonl"), data=decided, check=False)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    refused = run(
        "labels", "export", "--site", "nowhere", "--out", str(tmp_path / "x.jsonl"), data=decided, check=False
    )
    assert refused.returncode == 2
    assert not (tmp_path / "x.jsonl").exists()
