"""Nothing is decided that is not in view, and nothing abusive is shown or read out before somebody asks for it."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_queue import all_sent, held, waiting

ABUSE = "You are a stupid idiot and everybody hates you, shut up you moron"


@pytest.mark.parametrize("key", ["f", "d"])
def test_a_mark_on_another_case_is_told_on_the_buttons_with_a_name(console, open_console, key):
    held(console, f"elsewhere-{key}", 4)
    page = open_console(site=f"elsewhere-{key}").page
    title = page.locator("#case-title")
    marked = title.inner_text()
    page.keyboard.press("x")
    expect(page.locator("#bulk")).to_contain_text("1 marked")
    expect(page.locator(".whom")).to_have_count(0)
    expect(page.locator(".approve")).not_to_contain_text("marked")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(title).not_to_have_text(marked)
    expect(page.locator(".approve")).to_contain_text("Approve (1 marked)")
    expect(page.locator(".reject")).to_contain_text("Reject (1 marked)")
    expect(page.locator(".whom")).to_contain_text(f"a decision is for the comment of {marked}, not for this one")
    page.keyboard.press(key)
    if key == "d":
        expect(page.locator(".asking .whom")).to_contain_text(marked)
        expect(page.locator(".ask")).to_contain_text("1 marked")
        page.keyboard.press("1")
    expect(page.locator("#said .decided")).to_contain_text(marked)
    expect(page.locator(".asking")).to_have_count(0)


def test_escape_clears_the_marks_and_the_case_in_view_is_decided(console, open_console):
    held(console, "unmarked", 4)
    page = open_console(site="unmarked").page
    title = page.locator("#case-title")
    marked = title.inner_text()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.keyboard.press("Escape")
    expect(page.locator(".asking")).to_have_count(0)
    expect(page.locator(".whom")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".whom")).to_have_count(0)
    expect(page.locator("#list input:checked")).to_have_count(0)
    shown = title.inner_text()
    page.keyboard.press("f")
    expect(page.locator("#said .decided")).to_contain_text(f"Approved: {shown}")
    assert shown != marked


def test_alone_no_case_is_marked(console, open_console):
    held(console, "alone-marks", 4)
    page = open_console(site="alone-marks").page
    expect(page.locator("#case")).to_be_visible()
    for key in ("x", "j", "x", "j"):
        page.keyboard.press(key)
    expect(page.locator(".approve")).to_contain_text("2 marked")
    page.keyboard.press("z")
    expect(page.locator(".approve")).not_to_contain_text("marked")
    shown = page.locator("#case-title").inner_text()
    page.keyboard.press("f")
    expect(page.locator("#said .decided")).to_contain_text(f"Approved: {shown}")
    all_sent(page)
    assert waiting(console, "alone-marks") == 3


def test_a_decision_that_is_taken_back_leaves_no_offer_to_take_it_back(console, open_console):
    held(console, "settled", 1)
    page = open_console(site="settled").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#said .decided")).to_be_visible()
    all_sent(page)
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Taken back")
    expect(page.locator("#said .decided")).to_have_count(0)
    expect(page.locator("#said button")).to_have_count(0)


def test_the_reason_that_the_verdict_gives_has_the_focus_and_no_other_one(console, open_console):
    key = console.new_site("suggested")
    console.post_comments(key, [{"text": ABUSE}])
    page = open_console(site="suggested").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("d")
    expect(page.locator("#why-toxic")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#said .decided")).to_contain_text("Rejected: Toxic (Reader 0)")
    held(console, "unsuggested", 1)
    page = open_console(site="unsuggested").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("d")
    expect(page.locator("#why")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".asking")).to_be_visible()
    assert waiting(console, "unsuggested") == 1


@pytest.mark.parametrize("page_of", ["queue", "comment"])
def test_enter_in_the_note_of_a_rejection_asks_for_the_reason(console, open_console, page_of):
    site = f"noted-{page_of}"
    key = console.new_site(site)
    (result,) = console.post_comments(key, [{"text": ABUSE}])
    tab = open_console(site=site)
    page = tab.page
    tab.go(f"#/{page_of}/{result['id'] if page_of == 'comment' else ''}")
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_label("Note (optional)").focus()
    page.keyboard.type("calls readers names")
    page.keyboard.press("Enter")
    expect(page.locator("#bar [role=alert]")).to_contain_text("choose a reason")
    expect(page.locator("#why-toxic")).to_be_focused()
    expect(page.locator("#note")).to_have_value("calls readers names")
    assert waiting(console, site) == 1, "a reason that is suggested is not chosen"
    page.keyboard.press("2")
    expect(page.locator("#said .decided")).to_contain_text("Rejected: Toxic")
    all_sent(page)
    made = console.admin.get(f"/v1/queue/{result['id']}").json()["decision"]
    assert (made["reason"], made["note"]) == ("toxic", "calls readers names")


def test_enter_in_a_note_without_a_reason_in_sight_leads_to_all_of_them(console, open_console):
    held(console, "noted-none", 1)
    page = open_console(site="noted-none").page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_label("Note (optional)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#bar [role=alert]")).to_be_visible()
    expect(page.locator("#why")).to_be_focused()
    page.keyboard.press("3")
    expect(page.locator("#said .decided")).to_contain_text("Rejected: Off topic")


def test_what_is_blurred_is_not_read_out_and_one_key_shows_it_everywhere_on_the_page(console, open_console):
    key = console.new_site("hushed")
    console.post_comments(key, [{"text": ABUSE}, {"text": ABUSE + " again", "email": "reader0@posteo.net"}])
    page = open_console(site="hushed").page
    expect(page.locator(".author .briefs")).to_be_visible()
    read_out = page.locator("main").aria_snapshot()
    assert "idiot" not in read_out
    assert read_out.count("The text is blurred.") >= 3
    row = page.locator("#list li", has=page.locator("[aria-current]")).locator(".snippet .veiled")
    expect(row).to_have_count(1)
    page.keyboard.press("b")
    expect(row).to_have_count(0)
    expect(page.locator("#case .veiled")).to_have_count(0)
    assert "idiot" in page.locator("#case").aria_snapshot()


@pytest.mark.parametrize("where", ["search?q=idiot", "author"])
def test_the_same_text_is_blurred_wherever_it_is_listed(console, open_console, where):
    site = f"listed-{where[:6]}"
    key = console.new_site(site)
    (result,) = console.post_comments(key, [{"text": ABUSE}])
    if where == "author":
        where = f"author/{site}/{console.admin.get('/v1/queue/' + result['id']).json()['author']}"
    tab = open_console(site=site)
    tab.go(f"#/{where}")
    expect(tab.page.locator(".found .veiled")).to_have_css("filter", "blur(7px)")
    assert "idiot" not in tab.page.locator(".found").aria_snapshot()


def test_a_language_that_the_models_are_weak_in_is_named(console, open_console):
    key = console.new_site("greek")
    console.post_comments(
        key, [{"text": "Η απόφαση του δημοτικού συμβουλίου για το λιμάνι ήταν σωστή, ευχαριστώ πολύ."}]
    )
    page = open_console(site="greek").page
    expect(page.locator("#list .badge").first).to_have_text("models weak in Greek")
    expect(page.locator("#filters")).to_contain_text("models weak in the language")


def test_the_colours_of_a_text_are_explained_and_only_a_disguise_is_spelled_out(console, open_console):
    key = console.new_site("legend", first_comment="hold")
    texts = ["You are a stup1d 1d1ot and everybody hates you", "Bu haber gerçekten çok güzel, ışık ve süt… İyi günler!"]
    disguised, accents = console.post_comments(key, [{"text": text} for text in texts])
    tab = open_console(site="legend")
    page = tab.page
    tab.go(f"#/comment/{disguised['id']}")
    expect(page.locator(".alone .text.veiled")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator("#case .legend")).to_contain_text("speaks for toxic")
    expect(page.locator(".folded")).to_have_count(1)
    tab.go(f"#/comment/{accents['id']}")
    expect(page.locator(".page-comment .text")).to_contain_text("ışık")
    expect(page.locator(".folded")).to_have_count(0)
