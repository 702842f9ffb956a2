"""Taking an archive over, by the command an operator types."""

import json

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
