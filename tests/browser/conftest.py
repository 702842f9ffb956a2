"""A real service and a real browser for the tests of the console; without Chromium they are skipped, visibly."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.service import Service, serving

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
expect.set_options(timeout=20_000)
PASSWORD = "four words in a row"


@dataclass
class Console:
    """The running service, and what a test asks of it besides the browser."""

    service: Service
    admin: httpx.Client
    cookies: dict[str, Any] = field(default_factory=dict)
    """Sessions that were opened by signing in, by e-mail address: signing in is limited."""

    @property
    def url(self) -> str:
        """Give its address."""
        return self.service.url

    @property
    def first(self) -> dict[str, str]:
        """Give the secrets of the first start."""
        return self.service.first

    def new_site(self, name: str, **policy: Any) -> str:
        """Add a site of its own for one test, and give the secret of a site key for it."""
        answered = self.admin.post("/v1/sites", json={"id": name, "name": name.title(), "policy": policy})
        assert answered.status_code == 201, answered.text
        answered = self.admin.post("/v1/keys", json={"role": "site", "site": name})
        assert answered.status_code == 201, answered.text
        return str(answered.json()["key"])

    def post_comments(self, key: str, comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post comments as a site does, each from its own author and address."""
        results: list[dict[str, Any]] = []
        for begin in range(0, len(comments), 50):
            batch = [
                {"name": f"Reader {at}", "email": f"reader{at}@posteo.net", "ip": f"9.{at // 200}.{at % 200}.7"}
                | comment
                for at, comment in enumerate(comments[begin : begin + 50], begin)
            ]
            answered = httpx.post(
                f"{self.url}/v1/comments/batch",
                headers={"Authorization": f"Bearer {key}"},
                json={"comments": batch},
                timeout=60,
            )
            assert answered.status_code == 200, answered.text
            results += answered.json()["results"]
        return results

    def queue(self, site: str, **query: Any) -> dict[str, Any]:
        """Read the queue of a site."""
        answered = self.admin.get("/v1/queue", params={"site": site, "limit": 200, **query})
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def new_moderator(self, name: str, sites: list[str], role: str = "moderator") -> str:
        """Add somebody who signs in with PASSWORD; gives the e-mail address."""
        email = f"{name.lower().replace(' ', '.')}@posteo.net"
        answered = self.admin.post("/v1/moderators", json={"email": email, "name": name, "role": role, "sites": sites})
        assert answered.status_code == 201, answered.text
        token = answered.json()["link"].partition("invitation=")[2]
        answered = httpx.post(
            f"{self.url}/v1/session/invitation",
            headers={"Origin": self.url},
            json={"token": token, "password": PASSWORD},
            timeout=20,
        )
        assert answered.status_code == 200, answered.text
        return email


@pytest.fixture(scope="package")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Run the service for all browser tests."""
    data = tmp_path_factory.mktemp("console") / "data"
    with serving(data, OMP_NUM_THREADS="1") as service, service.http(service.first["admin_key"]) as admin:
        admin.timeout = httpx.Timeout(60)
        yield Console(service, admin)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all browser tests, and not longer: its driver has an event loop in this thread."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield running
        running.close()


@dataclass
class Tab:
    """A page of a signed-in person, and what its browser complained about."""

    page: Page
    context: BrowserContext
    wrong: list[str]

    def go(self, where: str, *, drawn: bool = True) -> None:
        """Open a page of the console, and wait until it is drawn: until then the page before it is in view, deaf to keys."""
        self.page.evaluate(
            """where => new Promise(heard => {
                addEventListener("hashchange", heard, { once: true });
                if (location.hash === where) heard();
                else location.hash = where;
            })""",
            where,
        )
        if drawn:
            expect(self.page.locator("#main")).not_to_have_attribute("aria-busy", "true")


def _parse_texts(route: Route) -> None:
    """Serve the file that shows texts as somebody might have written it."""
    whole = route.fetch()
    text, plain = whole.text(), "document.createTextNode(run)"
    assert plain in text
    parsed = text.replace(plain, "document.createRange().createContextualFragment(run)")
    route.fulfill(response=whole, body=parsed)


@pytest.fixture
def open_console(console: Console, browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Open the console as somebody; a script error or a violated policy fails the test at its end."""
    tabs: list[Tab] = []

    def open_(
        email: str = "",
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        site: str = "",
        signed: bool = True,
        parsing: bool = False,
    ) -> Tab:
        """With `parsing`, the console is one that parses texts."""
        who = email or console.first["admin_email"]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            storage_state=console.cookies.get(who) if signed else None,
        )
        if parsing:
            context.route("**/text.js*", _parse_texts)
        page = context.new_page()
        page.set_default_timeout(20_000)
        tab = Tab(page, context, [])
        tabs.append(tab)
        page.on("pageerror", lambda error: tab.wrong.append(f"script error: {error}"))
        page.on("console", lambda said: tab.wrong.append(said.text) if "Security Policy" in said.text else None)
        if site:
            page.add_init_script(
                f"if (location.protocol === 'http:') sessionStorage.setItem('cm.site', {json.dumps(site)})"
            )
        page.goto(f"{console.url}/console")
        if not signed:
            return tab
        if who not in console.cookies:
            page.fill("input[type=email]", who)
            page.fill("input[type=password]", PASSWORD if email else console.first["admin_password"])
            page.click(".signin button")
            page.wait_for_selector(".top")
            console.cookies[who] = context.storage_state()
        page.wait_for_selector(".top")
        return tab

    yield open_
    for tab in tabs:
        tab.context.close()
    assert not [line for tab in tabs for line in tab.wrong]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here as needing a browser."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
