"""The admins' and ML staff's pages in a real browser: what is shown once, what is tried before it is set."""

import io
import re
import time

import pyotp
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from classifiers.registry import Registry
from tests.browser.conftest import PASSWORD
from tests.versions import added


def test_a_policy_is_tried_on_what_came_in_before_it_is_set(console, open_console):
    key = console.new_site("trial")
    texts = [
        f"The {word} of the council was a good one, thank you for the report on it."
        for word in ("vote", "talk", "plan")
    ]
    console.post_comments(key, [{"text": text} for text in texts])
    tab = open_console(site="trial")
    page = tab.page
    tab.go("#/admin/policy/trial")
    page.get_by_label("First comment of an author").select_option("hold")
    page.click("#preview")
    result = page.locator("#preview-result")
    expect(result).to_contain_text("On the last 3 comments")
    expect(result).to_contain_text("3 would change")
    expect(result.locator("li").first).to_contain_text("approve → hold")
    with tab.context.expect_page() as opened:
        result.locator("li a").first.click()
    expect(opened.value.locator("#case .text")).to_contain_text("of the council was a good one")
    opened.value.close()
    assert console.admin.get("/v1/sites/trial/policy").json()["policy"]["version"] == 1, "trying sets nothing"
    page.click("#set-policy")
    expect(page.locator("h2").first).to_contain_text("version 2")
    assert console.admin.get("/v1/sites/trial/policy").json()["policy"]["first_comment"] == "hold"
    # and back to the version before
    page.locator("details summary").last.click()
    page.get_by_role("button", name="Set again").click()
    expect(page.locator("h2").first).to_contain_text("version 3")
    assert console.admin.get("/v1/sites/trial/policy").json()["policy"]["first_comment"] == "score"


def test_a_threshold_is_never_by_choice_and_the_ten_seconds_of_the_console_are_told(console, open_console):
    console.new_site("never")
    tab = open_console(site="never")
    page = tab.page
    tab.go("#/admin/policy/never")
    expect(page.get_by_label("Seconds a decision is kept from the site")).to_have_accessible_description(
        "Decisions made in this console: 10 at least, for Undo."
    )
    page.get_by_label("Spam: Reject from: never").check()
    page.get_by_label("Toxicity: Hold from", exact=True).fill("0.5")
    page.click("#set-policy")
    expect(page.locator("h2").first).to_contain_text("version 2")
    set_ = console.admin.get("/v1/sites/never/policy").json()["policy"]["thresholds"]
    assert set_ == {"spam": {"reject_at": 1.01}, "toxicity": {"hold_at": 0.5}}
    expect(page.get_by_label("Spam: Reject from: never")).to_be_checked()
    expect(page.get_by_label("Spam: Reject from", exact=True)).to_be_disabled()
    assert "1.01" not in page.locator("main").inner_text()


def test_what_is_left_empty_comes_from_the_profile_that_is_chosen(console, open_console):
    console.new_site("chosen")
    tab = open_console(site="chosen")
    page = tab.page
    tab.go("#/admin/policy/chosen")
    reject = page.get_by_label("Toxicity: Reject from", exact=True)
    expect(reject).to_have_attribute("placeholder", "never")
    page.get_by_label("Profile").select_option("strict")
    strict = console.admin.get("/v1/sites/chosen/policy").json()["profiles"]["strict"]["toxicity"]
    expect(reject).to_have_attribute("placeholder", f"{strict['reject_at']:.2f}")
    page.get_by_label("Toxicity: Hold from", exact=True).fill("0.4")
    page.click("#set-policy")
    expect(page.locator("h2").first).to_contain_text("version 2")
    set_ = console.admin.get("/v1/sites/chosen/policy").json()["policy"]
    assert set_["profile"] == "strict"
    assert set_["thresholds"] == {"toxicity": {"hold_at": 0.4}}
    # a threshold that is taken out again shows what the profile puts in its place
    page.get_by_label("Toxicity: Hold from", exact=True).fill("")
    expect(page.get_by_label("Toxicity: Hold from", exact=True)).to_have_attribute(
        "placeholder", f"{strict['hold_at']:.2f}"
    )


def test_a_threshold_that_nobody_typed_follows_the_profile_also_later(console, open_console):
    console.new_site("halves")
    tab = open_console(site="halves")
    page = tab.page
    tab.go("#/admin/policy/halves")
    page.get_by_label("Toxicity: Hold from", exact=True).fill("0.2")
    page.get_by_label("Spam: Reject from", exact=True).fill("0.9")
    page.click("#set-policy")
    expect(page.locator("h2").first).to_contain_text("version 2")
    set_ = console.admin.get("/v1/sites/halves/policy").json()["policy"]["thresholds"]
    assert set_ == {"toxicity": {"hold_at": 0.2}, "spam": {"reject_at": 0.9}}
    never = page.get_by_label("Toxicity: Reject from: never", exact=True)
    reject = page.get_by_label("Toxicity: Reject from", exact=True)
    expect(never).not_to_be_checked()
    page.get_by_label("Profile").select_option("strict")
    strict = console.admin.get("/v1/sites/halves/policy").json()["profiles"]["strict"]
    expect(reject).to_have_attribute("placeholder", f"{strict['toxicity']['reject_at']:.2f}")
    never.check()
    expect(reject).to_have_attribute("placeholder", "")
    never.uncheck()
    page.click("#set-policy")
    expect(page.locator("h2").first).to_contain_text("version 3")
    told = console.admin.get("/v1/sites/halves/policy").json()
    assert told["effective"]["toxicity"] == {"hold_at": 0.2, "reject_at": strict["toxicity"]["reject_at"]}
    assert told["effective"]["spam"] == {"hold_at": strict["spam"]["hold_at"], "reject_at": 0.9}
    # what is typed beyond the profile's other side takes it along, and that is shown before it is set
    page.get_by_label("Toxicity: Hold from", exact=True).fill("0.99")
    reject.focus()
    expect(reject).to_have_attribute("placeholder", "0.99")


def test_the_profile_that_is_chosen_for_a_new_site_is_the_one_explained(console, open_console):
    tab = open_console(site="demo")
    tab.go("#/admin/sites")
    profile = tab.page.get_by_label("Profile")
    told = {"balanced": "only sure spam is rejected", "watch": "Every comment passes", "strict": "More waits"}
    for name, words in told.items():
        profile.select_option(name)
        expect(profile).to_have_accessible_description(re.compile(words))


def test_words_are_tried_on_a_text_before_they_are_saved(console, open_console):
    console.new_site("wordy")
    tab = open_console(site="wordy")
    page = tab.page
    tab.go("#/admin/words/wordy")
    page.get_by_label("Blocked words").fill("casino*\nfree money")
    page.get_by_label("A text to try them on").fill("Win FREE   money in our C4sinos")
    page.click("#try-words")
    expect(page.locator("#words-result")).to_contain_text("casino")
    expect(page.locator("#words-result mark").first).to_be_visible()
    assert console.admin.get("/v1/sites/wordy/policy").json()["policy"]["blocked_words"] == []
    page.get_by_role("button", name="Save both lists").click()
    expect(page.locator("#said")).to_contain_text("Saved")
    assert console.admin.get("/v1/sites/wordy/policy").json()["policy"]["blocked_words"] == ["casino*", "free money"]
    page.get_by_label("Suspect words").fill("*")
    page.click("#try-words")
    expect(page.locator(".wrong")).to_contain_text("Suspect words: words, word 1")


def test_a_key_is_shown_once_and_works_until_it_is_revoked(console, open_console):
    console.new_site("keyed")
    tab = open_console(site="keyed")
    page = tab.page
    tab.go("#/admin/keys")
    page.get_by_label("Site", exact=True).select_option("keyed")
    page.get_by_label("What it is for").fill("the blog")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator(".once input").input_value()
    assert secret.startswith("cm1_")
    with console.service.http(secret) as site:
        assert site.get("/v1/comments?since=0").status_code == 200
        tab.go("#/admin/sites")
        expect(page.locator(".once")).to_have_count(0)
        tab.go("#/admin/keys")
        row = page.locator("tr", has_text="the blog")
        expect(row).to_be_visible()
        assert secret not in page.content()
        row.get_by_role("button").click()
        row.get_by_role("button").click()
        expect(row).to_contain_text("revoked")
        assert site.get("/v1/comments?since=0").status_code == 401


def test_a_key_for_scores_only_is_made_and_named_as_one(console, open_console):
    console.new_site("scored")
    tab = open_console(site="scored")
    page = tab.page
    tab.go("#/admin/keys")
    page.get_by_label("Role").select_option("scores")
    page.get_by_label("Site", exact=True).select_option("scored")
    page.get_by_label("What it is for").fill("a form that warns")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("tr", has_text="a form that warns")).to_contain_text("Scores only")
    assert [(key["role"], key["scores_only"]) for key in console.admin.get("/v1/keys").json()["keys"]][-1] == (
        "compat",
        True,
    )


def test_an_invited_person_sets_a_password_by_a_link_that_works_once(console, open_console):
    console.new_site("team")
    tab = open_console()
    page = tab.page
    tab.go("#/admin/people")
    page.get_by_label("E-mail").fill("dora@posteo.net")
    page.get_by_label("Name", exact=True).fill("Dora")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".once input").input_value()
    guest = open_console(signed=False).page
    guest.goto(link)
    guest.get_by_label("New password").fill("short")
    guest.get_by_role("button").click()
    guest.get_by_label("New password").fill(PASSWORD)
    guest.get_by_role("button").click()
    expect(guest.locator("input[type=email]")).to_have_value("dora@posteo.net")
    guest.locator("input[type=password]").fill(PASSWORD)
    guest.locator(".signin button").click()
    expect(guest.locator(".top")).to_contain_text("Dora")
    assert "Admin" not in guest.locator("nav").first.inner_text()
    again = open_console(signed=False).page
    again.goto(link)
    again.get_by_label("New password").fill(PASSWORD)
    again.get_by_role("button").click()
    expect(again.locator(".wrong")).to_contain_text("used already")


@pytest.mark.parametrize("token", ["", "%", "m3k9.xJ2%E0%A"])
def test_a_link_of_an_invitation_that_was_cut_short_is_told_to_be_broken(open_console, token):
    page = open_console(signed=False).page
    page.goto(f"{page.url}#invitation={token}")
    expect(page.get_by_role("alert")).to_contain_text("This link is broken")
    expect(page.get_by_label("New password")).to_have_count(0)


def test_a_second_factor_is_set_up_and_asked_for(console, open_console):
    email = console.new_moderator("Eva Code", [])
    tab = open_console(email)
    page = tab.page
    tab.go("#/account")
    page.get_by_role("button", name="Set up a code").click()
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        seen = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator("svg.qr").screenshot())))
        assert [pyotp.parse_uri(one.text).secret for one in seen] == [secret], scheme
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("form .wrong")).to_contain_text("wrong")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#said")).to_contain_text("needs a code")
    page.get_by_role("button", name="Sign out everywhere").click()
    page.locator("input[type=email]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator(".signin button").click()
    expect(page.locator(".signin .wrong")).to_contain_text("wrong")


def test_a_site_is_deleted_once_its_id_was_typed(console, open_console):
    console.new_site("farewell")
    tab = open_console(site="demo")
    page = tab.page
    tab.go("#/admin/sites")
    box = page.locator("details", has_text="Farewell").first
    box.locator("summary").first.click()
    box.get_by_text("Delete this site").click()
    typed = box.get_by_label("Type farewell to confirm")
    typed.fill("demo")
    box.get_by_role("button", name="Delete it for good").click()
    expect(box.locator(".wrong").last).to_contain_text("type its id: farewell")
    typed.fill("farewell")
    box.get_by_role("button", name="Delete it for good").click()
    expect(page.locator("#said")).to_contain_text("farewell is deleted")
    expect(page.locator("summary", has_text="Farewell")).to_have_count(0)
    assert "farewell" not in {one["id"] for one in console.admin.get("/v1/sites").json()["sites"]}


def test_an_author_is_blocked_for_a_while_and_freed_again(console, open_console):
    key = console.new_site("marks", first_comment="hold")
    (result,) = console.post_comments(key, [{"text": "A quiet remark about the harbour bridge in winter."}])
    author = console.admin.get(f"/v1/queue/{result['id']}").json()["author"]
    tab = open_console(site="marks")
    page = tab.page
    tab.go(f"#/author/marks/{author}")
    page.get_by_label("For how long").select_option("7")
    page.get_by_role("button", name="Block").click()
    expect(page.locator(".badge.blocked")).to_be_visible()
    known = console.admin.get(f"/v1/authors/{author}?site=marks").json()
    assert known["mark"] == "blocked"
    assert known["mark_until"]
    page.get_by_role("button", name="Take the mark away").click()
    expect(page.locator(".badge.blocked")).to_have_count(0)


def test_figures_can_be_read_as_tables(console, open_console):
    tab = open_console(site="demo")
    page = tab.page
    tab.go("#/figures")
    expect(page.locator("svg.chart")).to_have_count(6)
    page.locator("figure summary").first.click()
    expect(page.locator("figure table").first).to_be_visible()
    expect(page.locator(".tile").first).to_contain_text(re.compile(r"\d"))


def test_figures_count_the_decisions_that_stand_in_whole_numbers(console, open_console):
    key = console.new_site("standing", first_comment="hold")
    results = console.post_comments(key, [{"text": f"A calm remark on bus line {at}."} for at in range(3)])
    for one in results:
        ruling = {"decision": "reject", "reason": "spam", "version": 1}
        assert console.admin.post(f"/v1/queue/{one['id']}/decision", json=ruling).status_code == 200
    tab = open_console(site="standing")
    page = tab.page
    decisions = page.locator("figure", has_text="Decisions a day").locator("text[text-anchor=end]")
    tab.go("#/figures")
    expect(decisions).to_have_text(["0", "2", "3"])
    expect(page.locator(".sheet", has=page.locator("caption", has_text="By person"))).to_contain_text("100 %")
    for one in results:
        assert console.admin.post(f"/v1/queue/{one['id']}/undo", json={}).status_code == 200
    page.reload()
    expect(page.locator(".tile", has_text="Decided")).to_have_text(["Decided03 taken back", "Half decided within–"])
    expect(page.locator("main")).to_contain_text("Nobody has decided anything in this time.")
    expect(page.locator("main")).to_contain_text("No rejections in this time.")
    expect(decisions).to_have_text(["0", "1"])


def test_a_text_is_scored_with_highlights_without_being_stored(console, open_console):
    before = console.admin.get("/v1/stats?site=demo").json()["days"][-1]["counts"].get("in", 0)
    tab = open_console(site="demo")
    page = tab.page
    tab.go("#/models")
    page.fill("textarea", "You are a stupid idiot and everybody hates you, shut up you moron")
    page.get_by_role("button", name="Score it").click()
    expect(page.locator("#tried mark.hot").first).to_be_visible()
    expect(page.locator("#tried")).to_contain_text("Hold")
    assert console.admin.get("/v1/stats?site=demo").json()["days"][-1]["counts"].get("in", 0) == before


def test_the_languages_of_a_version_are_told_by_name(console, open_console):
    tab = open_console()
    tab.go("#/models")
    told = {
        "figures": {}, "thresholds": {},
        "languages": {"ar": {"toxicity": 0.9}, "de": {"toxicity": 0.8}, "und": {"toxicity": 0.7}},
    }  # fmt: skip
    tab.page.route(re.compile(r"/v1/models/[^/]+$"), lambda route: route.fulfill(json=told))
    tab.page.locator("article").get_by_role("button", name="Figures").first.click()
    table = tab.page.get_by_role("region", name="Languages")
    expect(table.get_by_role("rowheader")).to_have_text(["Arabic", "German", "another language"])


def test_what_is_wrong_with_a_form_is_told_in_words(console, open_console):
    tab = open_console(site="demo")
    tab.go("#/admin/sites")
    tab.page.route(
        "**/v1/sites",
        lambda route: route.fulfill(
            status=422,
            json={"detail": "x", "errors": [{"field": "links_allowed", "code": "x", "message": "Too many."}]},
        ),
    )
    tab.page.get_by_label("Id", exact=True).fill("wrong")
    tab.page.get_by_role("button", name="Add", exact=True).click()
    expect(tab.page.locator("form .wrong").last).to_have_text("Links allowed: Too many.")


def test_on_a_phone_no_word_of_a_table_lies_over_another(console, open_console):
    tab = open_console(width=360, height=740)
    tab.go("#/models")
    told = {
        "thresholds": {}, "languages": {},
        "figures": {"spam": {"precision": 0.9, "calibration_error": 0.1, "n": 500, "auc": 0.9, "recall": 0.5}},
    }  # fmt: skip
    tab.page.route(re.compile(r"/v1/models/[^/]+$"), lambda route: route.fulfill(json=told))
    tab.page.locator("article").get_by_role("button", name="Figures").first.click()
    cells = tab.page.get_by_role("region", name="Figures").locator("tbody td")
    expect(cells).to_have_count(5)
    short = cells.evaluate_all(
        """all => all.filter(cell => { const label = parseFloat(getComputedStyle(cell, "::before").height);
        return cell.getBoundingClientRect().height < label; }).map(cell => cell.dataset.label)"""
    )
    assert not short


def test_a_webhook_shows_its_secret_once_and_tells_what_a_test_came_to(console, open_console):
    key = console.new_site("hooked")
    tab = open_console(site="hooked")
    page = tab.page
    tab.go("#/admin/webhooks/hooked")
    page.get_by_label("Where events go").fill("https://hooks.invalid/in")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".once input")).to_have_value(re.compile("^whsec_"))
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("section [role=status]").first).to_contain_text("Not delivered", timeout=20_000)
    console.post_comments(key, [{"text": "Thank you, this helped me a lot."}])
    (hook,) = console.admin.get("/v1/sites/hooked/webhooks").json()["webhooks"]
    deadline = time.monotonic() + 20
    while not any(console.admin.get(f"/v1/webhooks/{hook['id']}/deliveries?site=hooked").json().values()):
        assert time.monotonic() < deadline, "the site's comment was not on its way to the webhook"
        time.sleep(0.1)
    page.get_by_role("button", name="Deliveries").click()
    expect(page.locator("tbody tr")).to_contain_text("comment.judged")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#said")).to_contain_text("It is sent now.")


def test_what_is_sent_again_but_has_to_wait_is_not_said_to_be_sent(console, open_console):
    key = console.new_site("embargoed", first_comment="hold", undo_seconds=600)
    (before,) = console.post_comments(key, [{"text": "A word from a reader about the garden."}])
    made = console.admin.post("/v1/sites/embargoed/webhooks", json={"url": "https://hooks.invalid/in"})
    (behind,) = console.post_comments(key, [{"text": "Another word from a reader about the harbour."}])
    for one in (before, behind):
        ruled = console.admin.post(f"/v1/queue/{one['id']}/decision", json={"decision": "approve", "version": 1})
        assert ruled.status_code == 200, ruled.text
    deadline = time.monotonic() + 20
    deliveries = f"/v1/webhooks/{made.json()['id']}/deliveries?site=embargoed"
    while len(console.admin.get(deliveries).json()["open"]) < 3:
        assert time.monotonic() < deadline, "the decisions were not on their way to the webhook"
        time.sleep(0.1)
    tab = open_console(site="embargoed")
    tab.go("#/admin/webhooks/embargoed")
    tab.page.get_by_role("button", name="Deliveries").click()
    told = {before["id"]: "It is sent in 10 min.", behind["id"]: "It is sent after an earlier event of its comment."}
    for comment, words in told.items():
        row = tab.page.locator("tbody tr", has_text="comment.approved").filter(has_text=comment)
        row.get_by_role("button", name="Send again").click()
        expect(tab.page.locator("#said")).to_contain_text(words)
    assert "Sent again" not in tab.page.locator("#said").inner_text()


def test_what_a_job_learned_and_left_out_is_told_where_it_ends(console, open_console):
    tab = open_console()
    tab.go("#/models")
    job = {"id": "0a1b", "kind": "adapt", "state": "running", "message": "", "result": {}}
    lines = [
        "spam: learned from 240 labels, judged on 48 later ones",
        "severe_toxicity: not learned, 12 labels, 160 are needed",
        "labels left out: 3 learned by bundled-8",
    ]
    ended = job | {"state": "done", "result": {"told": lines, "left_out": 75}}
    tab.page.route("**/v1/models/adapt", lambda route: route.fulfill(status=202, json=job))
    tab.page.route("**/v1/models/jobs/0a1b", lambda route: route.fulfill(json=ended))
    tab.page.get_by_role("button", name="Learn from decisions").click()
    expect(tab.page.locator("#said")).to_contain_text("done")
    expect(tab.page.locator("main .stack > [role=status] p")).to_have_text(
        [
            "Spam: learned from 240 labels, judged on 48 later ones",
            "Severe toxicity: not learned, 12 labels, 160 are needed",
            "labels left out: 3 learned by bundled-8",
            "labels left out: 75 about the author's name or link",
        ]
    )


def test_nothing_in_the_address_of_the_models_is_told_as_what_was_done(open_console):
    tab = open_console()
    tab.go("#/models/done")
    expect(tab.page.locator("main article").first).to_be_visible()
    expect(tab.page.locator("main .stack > [role=status]")).to_be_empty()


def test_the_gate_says_in_words_why_a_version_is_not_promoted(console, open_console):
    added(Registry(console.service.data / "models"), "worse", shift=-0.5)
    tab = open_console(site="demo")
    tab.go("#/models")
    version = tab.page.locator("article", has_text="worse")
    version.get_by_role("button", name="Figures").click()
    expect(version.locator("table").first).to_contain_text("calibration error")
    version.get_by_role("button", name="Report").click()
    expect(version).to_contain_text("report")
    version.get_by_role("button", name="Promote").click()
    expect(tab.page.locator("main")).to_contain_text("worse was not promoted: ", timeout=90_000)
