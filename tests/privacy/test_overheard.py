"""The ear of the suite (tests/overheard.py, asked at its end by conftest.py) hears what it must."""

import pytest

from tests.overheard import overheard, personal_in
from tests.service import ABUSE, a_comment, serving


@pytest.mark.parametrize("program", ["moderation", "tests.faults.mutants.talkative"])
def test_a_service_that_logs_what_comes_in_is_heard(tmp_path, tmp_path_factory, program):
    """The mutation: a line that was left in the code. It lies where the end of the suite does not look for it again."""
    with serving(tmp_path / "data", module=program) as service:
        for text in (ABUSE, "I read this with pleasure, thank you."):
            assert service.site.post("/v1/comments", json=a_comment(text)).status_code == 201
        assert service.http("cm1_00000000_wrong").get("/v1/queue").status_code == 401
        metrics = service.http().get("/metrics").text
    heard = overheard(tmp_path)
    (tmp_path / "data" / "service.log").unlink()
    assert personal_in(metrics, [service.first["site_key"]]) == []
    assert bool(heard) == (program != "moderation"), heard


def test_a_secret_is_one_wherever_it_stands():
    shown = "    site key        cm1_aaaaaaaa_secret\n"
    assert personal_in(shown, ["cm1_aaaaaaaa_secret"]) == ["cm1_aaaaaaaa_secret"]
    assert personal_in("mail to ann@posteo.net failed") == ["posteo.net"]
