"""Taking an archive over, by the command an operator types."""

import json

from moderation.archives import Past
from moderation.importing import Importer
from moderation.records import DecisionKind, DecisionReason
from moderation.store.comments import label_id
from tests.service import ABUSE, SPAM, run, serving


def archive(path, count=30):
    kinds = [("approved", "A calm remark on gardens, number {}."), ("spam", SPAM + " {}"), ("approved", ABUSE + " {}")]
    lines = [
        {
            "id": f"old-{i}",
            "status": kinds[i % 3][0],
            "text": kinds[i % 3][1].format(i),
            "name": "N",
            "email": f"p{i}@posteo.net",
        }
        for i in range(count)
    ]
    lines.append({"id": "x", "status": "waiting", "text": "nobody decided", "name": "N", "email": "n@posteo.net"})
    path.write_text("\n".join(json.dumps(line) for line in lines))


def test_an_archive_is_taken_over_once_and_compared(tmp_path):
    data = tmp_path / "data"
    archive(tmp_path / "old.jsonl")
    run("site", "add", "blog", data=data)
    report = tmp_path / "report.html"
    first = run("import", str(tmp_path / "old.jsonl"), "--site", "blog", "--report", str(report), data=data)
    assert "31 read, 30 taken over, 0 known already, left out: 1 undecided." in first.stdout
    again = run("import", str(tmp_path / "old.jsonl"), "--site", "blog", data=data)
    assert "0 taken over, 30 known already" in again.stdout
    page = report.read_text()
    assert "stupid idiot" in page, "the worst disagreements are shown"
    assert "http" not in page.replace("http-equiv", "").replace("https://casino777.example", "").replace(
        "https://slots.example", ""
    )

    with serving(data) as service:
        stats = service.staff.get("/v1/stats", params={"site": "blog"}).json()
        assert stats["labels"] == 30
        assert stats["waiting"]["total"] == 0
        found = service.staff.get("/v1/comments", params={"site": "blog", "since": "0"}).json()["comments"]
    assert {item["status"] for item in found} == {"approved", "rejected"}
    assert "All is well." in run("doctor", data=data).stdout


def test_a_dry_run_writes_nothing_and_a_broken_file_is_one_line(tmp_path):
    data = tmp_path / "data"
    archive(tmp_path / "old.jsonl", 6)
    run("site", "add", "blog", data=data)
    assert "0 taken over" in run("import", str(tmp_path / "old.jsonl"), "--site", "blog", "--dry-run", data=data).stdout
    (tmp_path / "bad").write_text("no archive")
    bad = run("import", str(tmp_path / "bad"), "--site", "blog", data=data, check=False)
    assert (bad.returncode, len(bad.stderr.strip().splitlines())) == (2, 1)


def importer(rooms):
    return Importer(rooms.comments, rooms.labels, rooms.intake, rooms.digests, rooms.ledger, rooms.now)


async def test_what_a_broken_off_import_had_not_come_to_is_done_by_the_next_one(rooms, site):
    archive = [
        Past(
            external_id=f"wp-{n}",
            text=SPAM,
            email=f"p{n}@posteo.net",
            decision=DecisionKind.REJECT,
            reason=DecisionReason.SPAM,
        )
        for n in range(3)
    ]
    assert (await importer(rooms).take_over(site, archive)).taken == 3
    ids = [await rooms.comments.by_external_id("news", one.external_id) for one in archive]
    await rooms.labels.remove("news", label_id(ids[0]))  # as if the end had come between the comment and its label
    await rooms.learning.unlearn(site, label_id(ids[1]), "ann")
    again = await importer(rooms).take_over(site, archive)
    assert (again.taken, again.known) == (0, 3)
    given = await rooms.labels.given_at("news", [label_id(one) for one in ids])
    assert [stamp is not None for stamp in given] == [True, False, True], "what was unlearned stays unlearned"
