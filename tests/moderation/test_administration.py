"""What admins do over HTTP: sites, policies tried and set, word lists, keys, people; each within the own sites."""

import json
from pathlib import Path

import httpx
import pyotp
import pytest

from tests.service import ABUSE, SPAM, Service, a_comment, run, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("administration") / "data") as running:
        yield running


@pytest.fixture
def admin(service):
    with service.http(service.first["admin_key"]) as client:
        yield client


def new_site(admin: httpx.Client, name: str, **policy) -> None:
    assert admin.post("/v1/sites", json={"id": name, "policy": policy}).status_code == 201


def policy_of(admin: httpx.Client, name: str) -> dict:
    return admin.get(f"/v1/sites/{name}/policy").json()["policy"]


def new_key(service: Service, admin: httpx.Client, role: str, site: str = "") -> httpx.Client:
    made = admin.post("/v1/keys", json={"role": role, "site": site})
    assert made.status_code == 201, made.text
    return service.http(made.json()["key"])


def test_a_policy_gets_a_new_version_and_the_earlier_ones_are_kept(admin):
    new_site(admin, "versions")
    first = policy_of(admin, "versions")
    second = admin.put("/v1/sites/versions/policy", json=first | {"profile": "strict"})
    assert second.json()["policy"]["version"] == 2
    assert second.json()["effective"]["spam"]["reject_at"] < 1
    kept = admin.get("/v1/sites/versions/policy/versions").json()["versions"]
    assert [one["policy"]["profile"] for one in kept] == ["strict", "balanced"]


def test_the_thresholds_of_every_profile_are_told_beside_those_in_effect(admin):
    new_site(admin, "bars")
    wanted = policy_of(admin, "bars") | {"thresholds": {"toxicity": {"hold_at": 0.2, "reject_at": 0.3}}}
    told = admin.put("/v1/sites/bars/policy", json=wanted).json()
    assert set(told["profiles"]) == {"watch", "balanced", "strict"}
    assert told["effective"]["toxicity"] == {"hold_at": 0.2, "reject_at": 0.3}
    assert told["profiles"]["balanced"]["toxicity"]["reject_at"] > 1
    assert told["profiles"]["strict"]["toxicity"]["reject_at"] < 1
    assert told["profiles"]["balanced"]["profanity"] == {"hold_at": 1.01, "reject_at": 1.01}
    admin.put("/v1/sites/bars/policy", json=told["policy"] | {"thresholds": {}, "profile": "strict"})
    strict = admin.get("/v1/sites/bars/policy").json()
    assert strict["effective"] == strict["profiles"]["strict"]


def test_a_side_of_a_threshold_that_is_left_out_follows_the_profile(admin):
    new_site(admin, "sides")
    wanted = policy_of(admin, "sides") | {"thresholds": {"toxicity": {"hold_at": 0.2}, "spam": {"reject_at": 0.9}}}
    told = admin.put("/v1/sites/sides/policy", json=wanted).json()
    assert told["policy"]["thresholds"] == wanted["thresholds"]
    assert told["effective"]["toxicity"] == {"hold_at": 0.2, "reject_at": 1.01}
    told = admin.put("/v1/sites/sides/policy", json=told["policy"] | {"profile": "strict"}).json()
    strict = told["profiles"]["strict"]
    assert told["effective"]["toxicity"] == {"hold_at": 0.2, "reject_at": strict["toxicity"]["reject_at"]}
    assert told["effective"]["spam"] == {"hold_at": strict["spam"]["hold_at"], "reject_at": 0.9}
    kept = admin.get("/v1/sites/sides/policy/versions").json()["versions"][0]["policy"]["thresholds"]
    assert kept == wanted["thresholds"]


def test_of_two_who_change_a_policy_at_once_the_second_is_told(admin):
    new_site(admin, "race")
    seen = policy_of(admin, "race")
    assert admin.put("/v1/sites/race/policy", json=seen | {"links_allowed": 5}).status_code == 200
    late = admin.put("/v1/sites/race/policy", json=seen | {"links_allowed": 9})
    assert late.status_code == 409
    assert late.json()["code"] == "policy_changed"
    assert policy_of(admin, "race")["links_allowed"] == 5


def test_a_policy_that_cannot_work_is_refused_with_every_fault(admin):
    new_site(admin, "faults")
    wrong = policy_of(admin, "faults") | {"profile": "lax", "trust_after": 0}
    for refused in (
        admin.put("/v1/sites/faults/policy", json=wrong),
        admin.post("/v1/sites/faults/policy/preview", json=wrong),
    ):
        assert refused.status_code == 422
        assert "profile" in refused.json()["detail"]
        assert "trust_after" in refused.json()["detail"]


def test_the_policy_in_force_replayed_gives_the_verdicts_that_were_given(service, admin):
    new_site(admin, "replay", blocked_words=["pistachio"], suspect_words=["marzipan"])
    with new_key(service, admin, "site", "replay") as site:
        texts = [
            "A calm word.", ABUSE, SPAM, "I like pistachio ice.", "Marzipan is fine.",
            "See https://a.example https://b.example https://c.example https://d.example for more.",
        ]  # fmt: skip
        for at, text in enumerate(texts):
            answered = site.post("/v1/comments", json=a_comment(text, email=f"r{at}@posteo.net", form_seconds=30))
            assert answered.status_code == 201
    found = admin.post("/v1/sites/replay/policy/preview", json=policy_of(admin, "replay")).json()
    given = admin.get("/v1/comments?since=0&site=replay").json()["comments"]
    outcomes = [one["verdict"] for one in given]
    assert found["looked_at"] == 6
    assert found["flipped"] == 0
    assert found["present"] == {name: outcomes.count(name) for name in set(outcomes)}


@pytest.mark.parametrize(
    ("change", "text", "then"),
    [
        ({"blocked_words": ["timetable"]}, "The new timetable is out.", "reject"),
        ({"suspect_words": ["t*table"]}, "The new timetable is out.", "hold"),
        ({"first_comment": "hold"}, "The new timetable is out.", "hold"),
        ({"links_allowed": 0}, "Here is the council page with the timetable https://council.example/parking", "hold"),
        ({"thresholds": {"spam": {"hold_at": 0.0001, "reject_at": 1.01}}}, "The new timetable is out.", "hold"),
        ({"min_form_seconds": 60}, "The new timetable is out.", "hold"),
    ],
)
def test_a_preview_says_which_comments_would_flip(service, admin, change, text, then):
    name = f"flip-{abs(hash(json.dumps(change))) % 10**8}"
    new_site(admin, name)
    with new_key(service, admin, "site", name) as site:
        made = site.post("/v1/comments", json=a_comment(text, form_seconds=20)).json()
        assert made["verdict"] == "approve"
    found = admin.post(f"/v1/sites/{name}/policy/preview", json=policy_of(admin, name) | change).json()
    assert found["flipped"] == 1
    assert (found["flips"][0]["now"], found["flips"][0]["then"]) == ("approve", then)
    assert policy_of(admin, name)["version"] == 1, "nothing was set"


def test_a_preview_counts_what_goes_against_people(service, admin):
    new_site(admin, "people")
    with new_key(service, admin, "site", "people") as site:
        made = site.post("/v1/comments", json=a_comment("A calm word on the timetable.")).json()
    decided = admin.post(
        f"/v1/queue/{made['id']}/decision", json={"decision": "reject", "reason": "off_topic", "version": 1}
    )
    assert decided.status_code == 200
    wanted = policy_of(admin, "people") | {"blocked_words": ["timetable"]}
    found = admin.post("/v1/sites/people/policy/preview", json=wanted).json()
    assert found["against_people"] == {"decided": 1, "present": 1}


def test_words_are_tried_before_they_are_saved(admin):
    new_site(admin, "tried")
    found = admin.post(
        "/v1/sites/tried/words/try", json={"words": ["casino*", "free money"], "text": "FREE  money in C4sinos"}
    ).json()
    assert len(found["terms"]) == 2
    refused = admin.post("/v1/sites/tried/words/try", json={"words": ["*"], "text": "x"})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("words, word 1: "), "it may be tried for either list"


def test_an_admin_of_one_site_stays_within_it(service, admin):
    new_site(admin, "mine")
    new_site(admin, "theirs")
    with new_key(service, admin, "admin", "mine") as local:
        assert [one["id"] for one in local.get("/v1/sites").json()["sites"]] == ["mine"]
        assert local.get("/v1/sites/theirs/policy").status_code == 404
        assert local.put("/v1/sites/theirs/policy", json={"version": 1}).status_code == 404
        assert local.post("/v1/sites", json={"id": "more"}).status_code == 403
        assert local.post("/v1/keys", json={"role": "admin"}).status_code == 403
        assert local.post("/v1/keys", json={"role": "site", "site": "theirs"}).status_code == 403
        assert {one["site"] for one in local.get("/v1/keys").json()["keys"]} == {"mine"}
        assert local.get("/v1/ledger?site=.staff").status_code == 403
        assert local.post("/v1/moderators", json={"email": "x@posteo.net", "role": "admin"}).status_code == 403
        assert local.post(
            "/v1/moderators", json={"email": "y@posteo.net", "sites": ["mine", "theirs"]}
        ).status_code == 403  # fmt: skip
        assert local.post("/v1/moderators", json={"email": "z@posteo.net", "sites": ["mine"]}).status_code == 201
        assert [one["email"] for one in local.get("/v1/moderators").json()["people"]] == ["z@posteo.net"]


def test_only_admins_reach_the_admin_routes(service, admin):
    new_site(admin, "roles")
    routes = (
        ("GET", "/v1/keys"), ("POST", "/v1/keys"), ("GET", "/v1/moderators"), ("POST", "/v1/moderators"),
        ("POST", "/v1/sites"), ("PUT", "/v1/sites/roles/policy"), ("POST", "/v1/sites/roles/policy/preview"),
        ("POST", "/v1/sites/roles/words/try"), ("GET", "/v1/sites/roles/policy/versions"),
    )  # fmt: skip
    for role in ("site", "moderator", "ml"):
        with new_key(service, admin, role, "roles") as client:
            for method, path in routes:
                answered = client.request(method, path, json={} if method != "GET" else None)
                assert answered.status_code == 403, (role, method, path)


def test_a_role_that_must_have_a_second_factor_can_do_nothing_before(tmp_path):
    with serving(tmp_path / "data", MODERATION_CONSOLE__SECOND_FACTOR_FOR="admin") as strict:
        first = strict.first
        with strict.http(Origin=strict.url) as browser:
            credentials = {"email": first["admin_email"], "password": first["admin_password"]}
            signed = browser.post("/v1/session", json=credentials)
            assert signed.json()["must_enrol"] is True
            browser.headers["Cookie"] = signed.headers["set-cookie"].partition(";")[0]
            browser.headers["X-CSRF-Token"] = signed.json()["csrf"]
            assert browser.get("/v1/queue?site=demo").status_code == 403
            secret = browser.post("/v1/session/factor").json()["secret"]
            wrong = browser.put(
                "/v1/session/factor", json={"password": "not it", "secret": secret, "code": pyotp.TOTP(secret).now()}
            )
            assert wrong.status_code == 422
            assert browser.get("/v1/queue?site=demo").status_code == 403
            right = browser.put(
                "/v1/session/factor",
                json={"password": first["admin_password"], "secret": secret, "code": pyotp.TOTP(secret).now()},
            )
            assert right.status_code == 204
            assert browser.get("/v1/queue?site=demo").status_code == 200
            dropped = browser.put("/v1/session/factor", json={"password": first["admin_password"]})
            assert dropped.status_code == 422, "the role must keep one"


def test_comments_of_any_status_are_found(service, admin):
    new_site(admin, "found")
    with new_key(service, admin, "site", "found") as site:
        site.post("/v1/comments", json=a_comment("The harbour in the morning."))
        site.post("/v1/comments", json=a_comment(ABUSE, email="b@posteo.net"))
    every = admin.get("/v1/comments/search?site=found").json()
    assert [one["status"] for one in every["comments"]] == ["pending", "approved"]
    one = admin.get("/v1/comments/search?site=found&q=HARBOUR&status=approved").json()
    assert len(one["comments"]) == 1
    assert one["complete"] is True
    page = admin.get("/v1/comments/search?site=found&limit=1").json()
    rest = admin.get(f"/v1/comments/search?site=found&limit=1&before={page['cursor']}").json()
    assert page["comments"][0]["id"] != rest["comments"][0]["id"]


def test_a_decision_is_kept_back_for_as_long_as_its_moderator_asks(service, admin):
    new_site(admin, "kept")
    with new_key(service, admin, "site", "kept") as site:
        made = site.post("/v1/comments", json=a_comment(ABUSE)).json()
        ruling = {"decision": "approve", "version": 1, "undo_seconds": 10}
        assert admin.post(f"/v1/queue/{made['id']}/decision", json=ruling).json()["undo_seconds"] == 10
        assert site.get(f"/v1/comments/{made['id']}").json()["status"] == "pending"
        assert admin.post(f"/v1/queue/{made['id']}/undo", json={"version": 2}).status_code == 200
        assert site.get(f"/v1/comments/{made['id']}").json()["status"] == "pending"
    refused = admin.post(f"/v1/queue/{made['id']}/decision", json=ruling | {"undo_seconds": 61})
    assert refused.status_code == 422


def test_the_queue_says_to_what_it_can_be_narrowed(service, admin):
    new_site(admin, "narrowed", first_comment="hold")
    thread = {"url": "https://news.example/bus", "title": "Buses"}
    with new_key(service, admin, "site", "narrowed") as site:
        for at in range(3):
            site.post("/v1/comments", json=a_comment(f"Calm words {at}.", email=f"n{at}@posteo.net", thread=thread))
    found = admin.get("/v1/queue/filters?site=narrowed").json()
    assert found["total"] == 3
    assert found["reasons"] == {"first_comment": 3}
    assert found["threads"] == [["https://news.example/bus", "Buses", 3]]


def test_more_pages_than_allowed_cannot_follow_the_events(tmp_path):
    with (
        serving(tmp_path / "data", MODERATION_CONSOLE__STREAMS="1") as small,
        small.staff as admin,
        admin.stream("GET", "/v1/events") as first,
    ):
        assert first.status_code == 200
        pieces = first.iter_raw()
        assert b"still here" in next(pieces)
        assert admin.get("/v1/events").status_code == 503
        pieces.close()


@pytest.mark.timeout(180)
def test_the_command_line_does_the_same(service, tmp_path: Path, admin):
    new_site(admin, "lines")
    data = service.data
    shown = json.loads(run("site", "policy", "show", "lines", data=data).stdout)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(shown | {"profile": "strict"}))
    assert "0 would change" in run("site", "policy", "preview", "lines", str(file), data=data).stdout
    assert "version 2" in run("site", "policy", "set", "lines", str(file), data=data).stdout
    late = run("site", "policy", "set", "lines", str(file), data=data, check=False)
    assert late.returncode == 2
    assert "at version 2 by now" in late.stderr
    words = tmp_path / "words.txt"
    words.write_text("casino*\nfree money\n")
    assert run("site", "words", "try", str(words), "our C4sinos", data=data).stdout.strip()
    run("site", "words", "set", "lines", "blocked", str(words), data=data)
    assert run("site", "words", "list", "lines", "blocked", data=data).stdout.split("\n")[0] == "casino*"
    assert policy_of(admin, "lines")["version"] == 3
