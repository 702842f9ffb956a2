"""What an older version has written is read by this one: a backup that was made many changes ago still serves.

`older.backup` was written by an early version of layout 1 of the store, the only layout there has been. A change that
needs another layout keeps this file beside one of its own, and comes with what turns the one into the other.
"""

from pathlib import Path

import pytest

from moderation.store.keys import SCHEMA_VERSION
from tests.service import ABUSE, a_comment, command, serving

OLDER = Path(__file__).with_name("older.backup")
SITE_KEY = "cm1_e31461f9_IroVbS1tKFt-5xmQBOTkj-p2NBHhtkkMONMZZmWdvWU"
ADMIN_KEY = "cm1_a46f1740_lBbg0uhc0ONnHijBOISeoibtd7MpbFbMG3FCn_4HLYM"
"""They open this file and nothing else."""


def goes_on(data: Path, program: str = "moderation") -> None:
    """Restore what the older version wrote, serve it, and do with it what one does."""
    assert "12 comments" in command("restore", str(OLDER), data=data)
    (data / "first-run.json").write_text(
        f'{{"site_key": "{SITE_KEY}", "form_key": "", "admin_key": "{ADMIN_KEY}", "admin_password": "none-was-kept"}}'
    )
    with serving(data, module=program) as service:
        staff, site = service.staff, service.site
        stands = [one["status"] for one in site.get("/v1/comments", params={"since": "0"}).json()["comments"]]
        # the file is older than the day for which an Idempotency-Key is known, so it comes as a comment of its own
        again = site.post(
            "/v1/comments",
            json=a_comment(
                f"{ABUSE} 0", email="old0@posteo.net", thread={"url": "https://news.example/old"}, lang="en"
            ),
            headers={"Idempotency-Key": "old-0"},
        )
        fresh = site.post("/v1/comments", json=a_comment("The bridge is open again.", email="new@posteo.net"))
        waiting = staff.get("/v1/queue").json()
        decided = staff.post(f"/v1/queue/{waiting['cases'][-1]['id']}/decision", json={"decision": "approve"})
        undone = staff.post(f"/v1/queue/{waiting['cases'][-1]['id']}/undo", json={})
        people = staff.get("/v1/moderators").text
        hooks = staff.get("/v1/sites/demo/webhooks").text
        said = command("doctor", data=data)
    assert sorted(stands) == ["approved"] * 3 + ["pending"] * 8 + ["rejected"]
    assert again.status_code == 201, again.text
    assert fresh.status_code == 201, fresh.text
    assert waiting["count"] == 8 + [again.json()["status"], fresh.json()["status"]].count("pending")
    assert (decided.status_code, undone.status_code) == (200, 200)
    assert '"Old"' in people
    assert "https://receiver.example/hook" in hooks
    assert "was changed at entry" not in said
    assert SCHEMA_VERSION == "1", "a new layout needs a step that turns this file into it"


def test_a_store_of_an_older_version_goes_on_with_its_comments_keys_people_and_ledger(tmp_path):
    goes_on(tmp_path / "data")


def test_another_layout_without_a_step_that_leads_to_it_is_found_out(tmp_path):
    """The mutation: somebody calls the queue by another name and leaves the version of the layout as it was."""
    with pytest.raises(AssertionError):
        goes_on(tmp_path / "data", "tests.faults.mutants.other_layout")
