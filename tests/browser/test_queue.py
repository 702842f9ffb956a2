"""Working a queue off in a real browser: by keyboard, in bulk, two at once, without a line, without a session."""

import re
import time

import httpx
from playwright.sync_api import expect

from tests.browser.layout import too_wide

LINKS = "See https://a{0}.example and https://b{0}.example and https://c{0}.example for what the council said about it."


def held(console, site, count, text=LINKS):
    """Make a site with as many waiting cases; gives the answers to the comments."""
    key = console.new_site(site, first_comment="hold")
    said = ["bus", "school", "harbour", "garden", "stove", "mayor", "window", "concert", "bakery", "river", "tower"]
    comments = [
        {"text": f"{said[at % 11]} {said[at // 11 % 11]} {chr(97 + at % 26) * 5}: " + text.format(at)}
        for at in range(count)
    ]
    results = console.post_comments(key, comments)
    assert {one["status"] for one in results} == {"pending"}
    return results


def within_reach(page, selector):
    """Say whether a click in the middle of something reaches it: it is in the window, and nothing lies over it."""
    return page.evaluate(
        """selector => { const found = document.querySelector(selector); const box = found.getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest(selector) === found; }""",
        selector,
    )


def all_sent(page):
    """Wait until no decision is on its way any more."""
    deadline = time.monotonic() + 10
    while page.evaluate("sessionStorage.getItem('cm.unsent')") != "[]":
        assert time.monotonic() < deadline, "decisions are still on their way"
        page.wait_for_timeout(20)


def waiting(console, site):
    return console.queue(site)["count"]


def test_a_wrong_password_is_told_and_the_right_one_opens_the_queue(console, open_console):
    tab = open_console(signed=False)
    tab.page.fill("input[type=email]", "nobody@posteo.net")
    tab.page.fill("input[type=password]", "not the password")
    tab.page.click(".signin button")
    expect(tab.page.locator(".signin .wrong")).to_have_text("E-mail, password or code is wrong.")
    tab.page.fill("input[type=email]", console.first["admin_email"])
    tab.page.fill("input[type=password]", console.first["admin_password"])
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".top")).to_be_visible()
    cookie = next(one for one in tab.context.cookies() if one["name"] == "__Host-cm")
    assert cookie["secure"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_fifty_cases_are_decided_by_keyboard_alone(console, open_console):
    results = held(console, "fifty", 52)
    tab = open_console(site="fifty")
    page = tab.page
    expect(page.locator(".listhead")).to_contain_text("52 waiting")
    expect(page.locator("#case")).to_be_visible()
    began = time.monotonic()
    for turn in range(50):
        shown = page.locator("#case-title").inner_text()
        page.keyboard.press("f" if turn % 2 else "d")
        if turn % 2 == 0:
            page.keyboard.press(str(turn % 6 + 1))
        if turn < 49:
            expect(page.locator("#case-title")).not_to_have_text(shown)
    seconds = time.monotonic() - began
    expect(page.locator(".listhead")).to_contain_text("2 waiting")
    all_sent(page)
    left = [console.admin.get(f"/v1/queue/{one['id']}").json() for one in results]
    decisions = [one["decision"] for one in left if one["decision"]]
    assert len(decisions) == 50
    assert sum(one["decision"] == "approve" for one in decisions) == 25
    assert {one["reason"] for one in decisions if one["decision"] == "reject"} == {"spam", "off_topic", "illegal"}
    assert seconds < 30


def test_an_approved_comment_is_taken_back_and_the_site_never_heard_of_it(console, open_console):
    (result,) = held(console, "undone", 1)
    page = open_console(site="undone").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#said")).to_contain_text("Approved")
    all_sent(page)
    seen = console.admin.get(f"/v1/comments/{result['id']}").json()
    assert seen["status"] == "approved"
    assert seen["told_from"], "for ten seconds the site is not told"
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Taken back")
    expect(page.locator("#case")).to_be_visible()
    again = console.admin.get(f"/v1/queue/{result['id']}").json()
    assert again["status"] == "pending"
    assert again["decision"] is None


def test_several_are_selected_and_rejected_at_once_and_taken_back_at_once(console, open_console):
    held(console, "bulk", 8)
    page = open_console(site="bulk").page
    expect(page.locator("#case")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("x")
        page.keyboard.press("j")
    expect(page.locator("#bulk")).to_contain_text("3 marked")
    page.keyboard.press("r")
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("3 rejected: Spam")
    expect(page.locator(".listhead")).to_contain_text("5 waiting")
    all_sent(page)
    assert waiting(console, "bulk") == 5
    page.locator("#said button").first.click()
    expect(page.locator("#said")).to_contain_text("3 decisions taken back")
    assert waiting(console, "bulk") == 8


def test_comments_that_say_the_same_are_decided_together(console, open_console):
    key = console.new_site("campaign", first_comment="hold")
    text = (
        "My friend made a fortune with this simple trick, ask me how and it will change your life today, I promise you"
    )
    console.post_comments(key, [{"text": text} for _ in range(6)])
    page = open_console(site="campaign").page
    expect(page.locator(".similar")).to_contain_text("5 more like this")
    page.keyboard.press("g")
    expect(page.locator("#together")).to_be_checked()
    page.keyboard.press("d")
    page.keyboard.press("1")
    expect(page.locator("#list")).to_contain_text("Nothing waits")
    all_sent(page)
    assert waiting(console, "campaign") == 0


def test_two_moderators_never_hold_the_same_case_and_see_who_was_faster(console, open_console):
    held(console, "pair", 6)
    ann = open_console(console.new_moderator("Ann One", ["pair"])).page
    expect(ann.locator("#case .mine")).to_be_visible()
    bob = open_console(console.new_moderator("Bob Two", ["pair"])).page
    expect(bob.locator("#case .mine")).to_be_visible()
    ann_case = ann.locator("#list [aria-current] b").inner_text()
    bob_case = bob.locator("#list [aria-current] b").inner_text()
    assert ann_case != bob_case
    expect(bob.locator("#list li.held")).to_contain_text("Ann One")
    # Bob looks at Ann's case all the same; she decides it; he is told who did what
    bob.locator("#list li.held .open").click()
    expect(bob.locator("#case-title")).to_have_text(ann_case)
    ann.keyboard.press("f")
    expect(bob.locator("#said")).to_contain_text(re.compile("Ann One approved this one just now"))
    expect(bob.locator("#case-title")).not_to_have_text(ann_case)


def test_a_decision_that_came_second_is_told_with_name_and_time(console, open_console):
    (result,) = held(console, "second", 1)
    page = open_console(site="second").page
    expect(page.locator("#case")).to_be_visible()
    page.route("**/v1/events*", lambda route: route.abort())
    page.context.set_offline(True)
    page.keyboard.press("f")
    answered = console.admin.post(
        f"/v1/queue/{result['id']}/decision", json={"decision": "reject", "reason": "spam", "version": 1}
    )
    assert answered.status_code == 200
    page.context.set_offline(False)
    expect(page.locator("#said")).to_contain_text(re.compile("first admin was faster: rejected (now|.* ago)"))


def test_without_a_line_decisions_are_kept_and_sent_later(console, open_console):
    held(console, "offline", 5)
    page = open_console(site="offline").page
    expect(page.locator("#case")).to_be_visible()
    page.context.set_offline(True)
    page.keyboard.press("f")
    page.keyboard.press("f")
    expect(page.locator("#line")).to_contain_text("2 decisions are kept here")
    assert within_reach(page, ".approve"), "neither the banner nor the message hides the buttons"
    page.keyboard.press("u")
    expect(page.locator("#line")).to_contain_text("1 decision is kept here")
    assert waiting(console, "offline") == 5
    page.context.set_offline(False)
    expect(page.locator("#line")).to_be_hidden()
    all_sent(page)
    assert waiting(console, "offline") == 4


def test_where_a_session_ended_nothing_typed_or_decided_is_lost(console, open_console):
    held(console, "expired", 3)
    email = console.new_moderator("Cy Three", ["expired"])
    page = open_console(email).page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("d")
    page.fill("#note", "a note that took some thought")
    person = next(one for one in console.admin.get("/v1/moderators").json()["people"] if one["email"] == email)
    assert console.admin.delete(f"/v1/moderators/{person['id']}/sessions").status_code == 204
    page.locator(".reason").nth(2).click()
    dialog = page.locator("dialog.door")
    expect(dialog).to_contain_text("Nothing you typed or decided is lost")
    assert waiting(console, "expired") == 3
    dialog.locator("input[type=email]").fill(email)
    dialog.locator("input[type=password]").fill("four words in a row")
    dialog.locator("button").click()
    expect(dialog).to_have_count(0)
    all_sent(page)
    assert waiting(console, "expired") == 2


def test_the_page_says_what_a_decision_teaches_and_one_key_switches_it_off(console, open_console):
    (result,) = held(console, "lesson", 1)
    page = open_console(site="lesson").page
    expect(page.locator(".approve")).to_contain_text("teaches: not spam, not toxic")
    page.keyboard.press("d")
    expect(page.locator(".reason").nth(0)).to_contain_text("teaches: spam")
    expect(page.locator(".reason").nth(2)).to_contain_text("teaches nothing")
    page.keyboard.press("t")
    expect(page.locator(".reason").nth(0)).to_contain_text("teaches nothing")
    page.keyboard.press("1")
    all_sent(page)
    assert console.admin.get(f"/v1/queue/{result['id']}").json()["decision"]["learn"] is False


def test_new_cases_and_counts_come_by_themselves(console, open_console):
    key = console.new_site("live", first_comment="hold")
    page = open_console(site="live").page
    expect(page.locator("#list")).to_contain_text("Nothing waits")
    console.post_comments(key, [{"text": "A first word from a reader about the harbour."}])
    expect(page.locator("#case")).to_contain_text("A first word from a reader")
    expect(page.locator(".listhead")).to_contain_text("1 waiting")


def test_a_language_that_no_model_knows_has_a_name_too(console, open_console):
    key = console.new_site("tongues", first_comment="hold")
    swedish = "Jag tycker att bussarna borde gå oftare på kvällen, särskilt på helgerna."
    console.post_comments(key, [{"text": "The bus to the market leaves twice an hour now."}, {"text": swedish}])
    page = open_console(site="tongues").page
    expect(page.get_by_role("button", name="English 1")).to_be_visible()
    page.get_by_role("button", name="another language 1").click()
    expect(page.locator(".listhead")).to_contain_text("1 waiting")
    expect(page.locator("#case .text")).to_have_text(swedish)


def test_a_case_is_escalated_with_a_note_and_stands_first_for_others(console, open_console):
    held(console, "passed", 3)
    page = open_console(site="passed").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.type("is this a threat?")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Passed on")
    first = console.queue("passed")["cases"][0]
    assert first["escalated"].endswith("is this a threat?")


def test_what_is_being_typed_stays_when_the_case_is_drawn_anew(console, open_console):
    held(console, "typed", 1)
    page = open_console(site="typed").page
    late = []
    page.route(re.compile(r"/v1/queue/typed-[^/]*$"), lambda route: late.append(route))
    page.reload()
    expect(page.locator("#case .author")).to_contain_text("…")
    page.keyboard.press("e")
    page.keyboard.type("is this ")
    for route in late:
        route.continue_()
    expect(page.locator("#case .author")).to_contain_text("1 waiting")
    page.keyboard.type("a threat?")
    expect(page.locator("#escalation")).to_have_value("is this a threat?")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.fill("#note", "the third one")
    page.get_by_label("Learn from it").uncheck()
    expect(page.locator(".reason").first).to_contain_text("teaches nothing")
    expect(page.locator("#note")).to_have_value("the third one")


def test_one_case_is_looked_at_alone_by_mouse(console, open_console):
    held(console, "alone", 1)
    page = open_console(site="alone").page
    expect(page.locator("#list")).to_be_visible()
    page.locator(".alone").click()
    expect(page.locator("#list")).to_be_hidden()
    page.locator(".to-list").click()
    expect(page.locator("#list")).to_be_visible()


def test_abusive_text_is_blurred_until_asked(console, open_console):
    key = console.new_site("veil")
    console.post_comments(key, [{"text": "You are a stupid idiot and everybody hates you, shut up you moron"}])
    page = open_console(site="veil").page
    expect(page.locator(".text.veiled")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator(".text.veiled")).to_have_count(0)
    expect(page.locator(".text mark.hot").first).to_be_visible()
    page.get_by_role("button", name="Blur").click()
    expect(page.locator(".text.veiled")).to_be_visible()


def test_what_the_author_wrote_before_is_blurred_as_long_as_the_text_is(console, open_console):
    key = console.new_site("veiled-before")
    abusive = {"text": "You are a stupid idiot and everybody hates you, shut up you moron", "email": "sam@posteo.net"}
    console.post_comments(key, [abusive | {"text": "Shut up you pathetic loser, nobody asked you"}, abusive])
    page = open_console(site="veiled-before").page
    expect(page.locator(".text.veiled")).to_be_visible()
    before = page.locator(".author .briefs .veiled")
    expect(before).to_have_css("filter", "blur(7px)")
    page.keyboard.press("b")
    expect(before).to_have_count(0)


def test_the_overlay_lists_the_keys_and_can_switch_them_off(console, open_console):
    held(console, "keyless", 2)
    page = open_console(site="keyless").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_contain_text("reject, then choose why")
    expect(page.locator("dialog.keys")).to_contain_text("1–6")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.wait_for_timeout(300)
    assert waiting(console, "keyless") == 2
    page.evaluate("localStorage.clear()")


def test_a_decided_comment_is_found_and_decided_anew(console, open_console):
    (result,) = held(console, "anew", 1)
    console.admin.post(f"/v1/queue/{result['id']}/decision", json={"decision": "approve", "version": 1})
    tab = open_console(site="anew")
    page = tab.page
    page.keyboard.press("/")
    page.keyboard.type("council")
    page.keyboard.press("Enter")
    page.locator(".found a").first.click()
    expect(page.locator(".why")).to_contain_text("approved it")
    page.keyboard.press("r")
    page.keyboard.press("3")
    all_sent(page)
    expect(page.locator(".why")).to_contain_text("Off topic")
    assert console.admin.get(f"/v1/comments/{result['id']}").json()["status"] == "rejected"


def test_a_page_that_was_left_before_its_answer_came_does_not_draw_over_the_next(console, open_console):
    """The comment's page asks before it draws; whoever goes back to the queue meanwhile must find the queue, and its keys."""
    results = held(console, "latecomers", 4)
    tab = open_console(site="latecomers")
    expect(tab.page.locator("#position")).to_have_text("1 of 4")
    late = []
    tab.page.route(f"**/v1/queue/{results[0]['id']}", lambda route: late.append(route))
    tab.go(f"#/comment/{results[0]['id']}", drawn=False)
    deadline = time.monotonic() + 10
    while not late:
        assert time.monotonic() < deadline
        tab.page.wait_for_timeout(20)
    tab.go("#/queue")
    expect(tab.page.locator("#position")).to_have_text("1 of 4")
    for route in late:
        route.continue_()
    tab.page.wait_for_timeout(500)
    expect(tab.page.get_by_role("link", name="Back to the queue")).to_have_count(0)
    tab.page.keyboard.press("j")
    expect(tab.page.locator("#position")).to_have_text("2 of 4")


def test_a_narrow_screen_works_a_case_by_touch(console, open_console):
    held(console, "narrow", 2)
    page = open_console(site="narrow", width=360, height=740).page
    expect(page.locator("#case")).to_be_visible()
    page.locator(".reject").click()
    page.locator(".reason").nth(0).click()
    expect(page.locator("#position")).to_contain_text("1 of 1")
    page.locator(".reject").click()
    assert all(within_reach(page, f".reason:nth-child({at})") for at in range(1, 7)), "the message hides a reason"
    page.get_by_role("button", name="Cancel").click()
    page.locator(".to-list").click()
    expect(page.locator("#list li")).to_have_count(1)
    assert too_wide(page) == []


def test_a_text_that_changes_under_the_eyes_is_shown_before_it_is_decided(console, open_console):
    key = console.new_site("edited", first_comment="hold")
    (result,) = console.post_comments(key, [{"text": "The harbour is a nice place in the evening."}])
    page = open_console(site="edited").page
    expect(page.locator("#case .author")).to_contain_text("1 waiting")
    page.keyboard.press("d")
    page.fill("#note", "half a no")
    changed = httpx.patch(
        f"{console.url}/v1/comments/{result['id']}",
        headers={"Authorization": f"Bearer {key}"},
        json={"text": "Buy a watch at https://watches.example today."},
    )
    assert changed.status_code == 200, changed.text
    expect(page.locator("#list .snippet")).to_contain_text("Buy a watch")
    expect(page.locator("#case .text")).to_have_text("Buy a watch at https://watches.example today.", timeout=500)
    expect(page.locator("#case .author")).to_contain_text("1 waiting")
    page.keyboard.type("te")
    expect(page.locator("#note")).to_have_value("half a note")


def test_a_decision_in_the_moment_in_which_the_text_changed_is_not_carried_out(console, open_console):
    key = console.new_site("swapped", first_comment="hold")
    (result,) = console.post_comments(key, [{"text": "The harbour is a nice place in the evening."}])
    page = open_console(site="swapped").page
    expect(page.locator("#case .author")).to_contain_text("1 waiting")
    page.evaluate("""() => new MutationObserver(() => { if (!document.querySelector("#list").textContent.includes("Buy a")
        || window.pressed) return; window.pressed = true;
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "f", bubbles: true })); })
        .observe(document.querySelector("#pane"), { childList: true, subtree: true })""")
    httpx.patch(
        f"{console.url}/v1/comments/{result['id']}",
        headers={"Authorization": f"Bearer {key}"},
        json={"text": "Buy a watch at https://watches.example today."},
    )
    expect(page.locator("#said")).to_contain_text("Not carried out")
    assert console.admin.get(f"/v1/comments/{result['id']}").json()["status"] == "pending"
    expect(page.locator("#case .text")).to_have_text("Buy a watch at https://watches.example today.")


def test_what_was_edited_after_it_was_marked_is_not_decided_with_the_others(console, open_console):
    key = console.new_site("remarked", first_comment="hold")
    kept, swapped = console.post_comments(
        key, [{"text": f"A word from a reader about the {one}."} for one in ("garden", "harbour")]
    )
    page = open_console(site="remarked").page
    for one in (kept, swapped):
        page.locator(f"#list li[data-id='{one['id']}'] input").check()
    expect(page.locator("#bulk")).to_contain_text("2 marked")
    changed = httpx.patch(
        f"{console.url}/v1/comments/{swapped['id']}",
        headers={"Authorization": f"Bearer {key}"},
        json={"text": "Buy a watch at https://watches.example today."},
    )
    assert changed.status_code == 200, changed.text
    row = page.locator(f"#list li[data-id='{swapped['id']}']")
    expect(row).to_contain_text("Buy a watch")
    page.wait_for_timeout(1100)
    expect(row.locator("input")).to_be_checked()
    page.keyboard.press("f")
    expect(page.locator("#said")).to_contain_text("Not carried out")
    all_sent(page)
    stand = [console.admin.get(f"/v1/comments/{one['id']}").json()["status"] for one in (kept, swapped)]
    assert stand == ["approved", "pending"]
    expect(page.locator("#list li")).to_have_count(1)
    expect(row).to_contain_text("Buy a watch")
    expect(row.locator("input")).not_to_be_checked()
    # read as it is now, it is decided
    row.locator("input").check()
    page.keyboard.press("f")
    all_sent(page)
    assert waiting(console, "remarked") == 0


def test_a_note_being_typed_decides_nothing_when_its_case_goes_away(console, open_console):
    results = held(console, "vanished", 5)
    page = open_console(site="vanished").page
    expect(page.locator("#case .mine")).to_be_visible()
    shown = page.locator("#list [aria-current]").locator("xpath=..").get_attribute("data-id")
    page.keyboard.press("d")
    page.locator("#note").focus()
    page.keyboard.type("far from")
    ruled = console.admin.post(f"/v1/queue/{shown}/decision", json={"decision": "reject", "reason": "spam"})
    assert ruled.status_code == 200, ruled.text
    expect(page.locator("#said")).to_contain_text("just now")
    page.keyboard.type(" fair. ", delay=40)
    for key in ("Shift+A", "Backspace", "Shift+F", "f", "d", "1"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert sum(bool(console.admin.get(f"/v1/queue/{one['id']}").json()["decision"]) for one in results) == 1


def test_the_reason_of_one_comment_keeps_its_field_when_the_page_is_drawn_anew(console, open_console):
    (result,) = held(console, "field", 1)
    tab = open_console(site="field")
    page = tab.page
    tab.go(f"#/comment/{result['id']}")
    expect(page.get_by_role("link", name="Back to the queue")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("r")
    page.locator("#note").focus()
    expect(page.locator("#said")).to_contain_text("Yours for 15 minutes")
    page.keyboard.type("a word on why it should go away", delay=40)
    expect(page.locator("#note")).to_have_value("a word on why it should go away")
    expect(page.locator("#case .mine")).to_have_text("yours for now")
    assert console.admin.get(f"/v1/queue/{result['id']}").json()["decision"] is None
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator("#position")).to_have_text("1 of 1")


def test_what_comes_after_a_reason_or_a_note_is_not_decided_by_the_same_key(console, open_console):
    results = held(console, "ahead", 5)
    page = open_console(site="ahead").page
    expect(page.locator("#case .author")).to_contain_text("waiting")
    first = page.locator("#case-title").inner_text()
    page.keyboard.press("e")
    page.keyboard.type("what is this?")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator("#case-title")).not_to_have_text(first)
    expect(page.locator("#said")).to_contain_text("Passed on")
    expect(page.locator("#case")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    page.locator("#why-spam").focus()
    for _ in range(4):
        page.keyboard.down("Enter")
        page.wait_for_timeout(50)
    page.keyboard.up("Enter")
    expect(page.locator("#case")).to_be_focused()
    page.locator(".approve").focus()
    for key in ("Enter", "Enter", "Enter"):
        page.keyboard.down(key)
        page.wait_for_timeout(50)
    page.keyboard.up("Enter")
    all_sent(page)
    made = [console.admin.get(f"/v1/queue/{one['id']}").json()["decision"] for one in results]
    assert sorted(one["decision"] for one in made if one) == ["approve", "reject"]


def test_learning_stays_off_for_what_is_marked(console, open_console):
    results = held(console, "unlearned", 4)
    page = open_console(site="unlearned").page
    expect(page.locator("#case")).to_be_visible()
    learn = page.get_by_label("Learn from it")
    for key in "xjxt":
        page.keyboard.press(key)
    expect(learn).not_to_be_checked()
    page.keyboard.press("j")
    expect(page.locator("#position")).to_have_text("3 of 4")
    expect(learn).not_to_be_checked()
    page.keyboard.press("f")
    expect(page.locator(".listhead")).to_contain_text("2 waiting")
    expect(learn).to_be_checked()
    all_sent(page)
    made = [console.admin.get(f"/v1/queue/{one['id']}").json()["decision"] for one in results]
    assert [one["learn"] for one in made if one] == [False, False]


def test_what_was_claimed_aloud_is_kept_for_its_fifteen_minutes(console, open_console):
    results = held(console, "aloud", 3)
    page = open_console(site="aloud").page
    expect(page.locator("#case .mine")).to_be_visible()
    asked = []
    page.on("request", lambda one: asked.append((one.url.split("/v1/")[-1], one.post_data)) if "/v1/" in one.url else 0)
    page.keyboard.press("c")
    expect(page.locator("#said")).to_contain_text("Yours for 15 minutes")
    claimed = next(path for path, _ in asked if path.endswith("/claim")).split("/")[1]
    assert claimed in {one["id"] for one in results}
    page.keyboard.press("j")
    expect(page.locator("#position")).to_have_text("2 of 3")
    expect(page.locator("#case .mine")).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("#position")).to_have_text("1 of 3")
    page.wait_for_timeout(600)
    page.goto("about:blank")
    assert (f"queue/{claimed}/release", None) not in [(path, None) for path, _ in asked]
    assert [body for path, body in asked if path == f"queue/{claimed}/claim"] == ['{"lease_seconds":900}'] * 2
    (case,) = [one for one in console.queue("aloud")["cases"] if one["id"] == claimed]
    assert case["holder"]


def test_the_place_in_the_list_follows_what_comes_and_goes(console, open_console):
    key = console.new_site("placed", first_comment="hold")
    said = ["bus", "school", "harbour"]
    results = console.post_comments(key, [{"text": f"A word from a reader about the {one}."} for one in said])
    page = open_console(site="placed").page
    expect(page.locator("#position")).to_have_text("1 of 3")
    page.keyboard.press("j")
    expect(page.locator("#position")).to_have_text("2 of 3")
    first = page.locator("#list li").first.get_attribute("data-id")
    assert first in {one["id"] for one in results}
    console.admin.post(f"/v1/queue/{first}/decision", json={"decision": "approve", "version": 1})
    console.post_comments(key, [{"text": "A late word from a reader about the garden."}])
    expect(page.locator("#list")).to_contain_text("garden")
    expect(page.locator("#position")).to_have_text("1 of 3", timeout=4000)


def test_an_address_cut_short_opens_the_first_page(console, open_console):
    tab = open_console(site="demo")
    tab.go("#/search%")
    expect(tab.page.locator(".queue")).to_be_visible()


def test_plain_http_elsewhere_is_told_in_one_line(console):
    refused = httpx.post(
        f"{console.url}/v1/session",
        headers={"Host": "moderation.example", "Origin": "http://moderation.example"},
        json={"email": "a@posteo.net", "password": "x"},
    )
    assert refused.status_code == 400
    assert "signing in needs https" in refused.json()["detail"]
