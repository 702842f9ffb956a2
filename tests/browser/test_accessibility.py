"""Every view against axe-core's rules for WCAG 2.2 AA, in light and dark, and no view wider than a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.layout import too_wide

VIEWS = (
    "queue", "search?q=the", "comment", "author", "figures", "models", "account", "admin/sites", "admin/policy/seen",
    "admin/words/seen", "admin/keys", "admin/webhooks/seen", "admin/people", "admin/ledger",
)  # fmt: skip
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@pytest.fixture(scope="module")
def seen(console):
    """A site with held, decided and abusive comments."""
    key = console.new_site("seen", first_comment="hold")
    texts = [
        "You are a stupid idiot and everybody hates you, shut up you moron",
        "See https://a.example and https://b.example and https://c.example, hidden\u200bword",
        "A calm sentence on the new timetable of the night buses.",
    ]
    results = console.post_comments(
        key, [{"text": text, "thread": {"url": "https://news.example/a", "title": "The article"}} for text in texts * 3]
    )
    ids = [one["id"] for one in results if one["status"] == "pending"]
    console.admin.post(f"/v1/queue/{ids[0]}/decision", json={"decision": "reject", "reason": "toxic", "version": 1})
    console.admin.post(f"/v1/queue/{ids[1]}/escalate", json={"note": "please look"})
    return ids


def check(page, where, scheme="light"):
    """Look at everything in the light; in the dark only the colours are others."""
    options = RULES if scheme == "light" else {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    found = Axe().run(page, options=options | {"resultTypes": ["violations"]}).response["violations"]
    told = [
        f"{where}: {one['id']} ({one['impact']}): {node['html'][:160]} — {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]
    assert not told, "\n".join(told[:12])


def open_view(tab, console, ids, view):
    if view == "comment":
        view = f"comment/{ids[0]}"
    elif view == "author":
        view = f"author/seen/{console.admin.get(f'/v1/queue/{ids[1]}').json()['author']}"
    tab.go(f"#/{view}")
    if view != "queue":
        expect(tab.page.locator("main h1")).to_be_visible()
    else:
        expect(tab.page.locator("#case")).to_be_visible()
    tab.page.wait_for_timeout(250)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_view(console, open_console, seen, scheme):
    tab = open_console(site="seen", scheme=scheme)
    for view in VIEWS:
        open_view(tab, console, seen, view)
        check(tab.page, view, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_while_a_reason_is_asked_for_and_in_the_overlay(console, open_console, seen, scheme):
    tab = open_console(site="seen", scheme=scheme)
    page = tab.page
    expect(page.locator("#case")).to_be_visible()
    page.keyboard.press("b")
    for key, opened in (("d", ".reasons"), ("e", "#escalation")):
        page.keyboard.press(key)
        expect(page.locator(opened)).to_be_visible()
        check(page, opened, scheme)
        page.keyboard.press("Escape")
        expect(page.locator(opened)).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    check(page, "overlay", scheme)
    page.keyboard.press("Escape")


def test_axe_finds_nothing_at_the_door_nor_on_the_demo(console, open_console):
    for scheme in ("light", "dark"):
        tab = open_console(signed=False, scheme=scheme)
        expect(tab.page.locator(".signin")).to_be_visible()
        check(tab.page, "sign in", scheme)
        for path in ("/", "/demo", "/docs"):
            tab.page.goto(console.url + path)
            tab.page.wait_for_timeout(200)
            check(tab.page, path, scheme)


@pytest.mark.parametrize("width", [320, 360, 768])
def test_no_view_is_wider_than_the_window(console, open_console, seen, width):
    tab = open_console(site="seen", width=width, height=740)
    for view in VIEWS:
        open_view(tab, console, seen, view)
        assert too_wide(tab.page) == [], view


@pytest.mark.parametrize("width", [320, 390])
def test_every_page_of_the_menu_is_in_the_window_of_a_phone(console, open_console, seen, width):
    tab = open_console(site="seen", width=width, height=740)
    tabs = tab.page.locator(".top nav a")
    expect(tabs).to_have_text(["Queue", "Figures", "Models", "Admin"])
    cut = tabs.evaluate_all(
        """all => all.filter(one => { const box = one.getBoundingClientRect(); const words = document.createRange();
        words.selectNodeContents(one);
        return box.left < 0 || box.right > innerWidth || words.getClientRects().length > 1 ||
          [box.left + 2, box.right - 2].some(x => document.elementFromPoint(x, box.y + box.height / 2) !== one); })
        .map(one => one.textContent)"""
    )
    assert cut == []
    tabs.last.click()
    expect(tab.page.locator("main h1")).to_be_visible()


def test_a_long_name_takes_no_page_of_the_menu_away(console, open_console, seen):
    name = "Bartholomäus Featherstonehaugh-Wriothesley"
    tab = open_console(console.new_moderator("Long Name", ["seen"]), width=320, height=740)
    tab.page.locator(".self a").evaluate("(one, name) => { one.textContent = `Account: ${name}`; }", name)
    assert too_wide(tab.page) == []
    for one in tab.page.locator(".top nav a").all():
        assert one.bounding_box()["x"] + one.bounding_box()["width"] <= 320
