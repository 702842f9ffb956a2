"""Looks at a page's layout: what stands out of the window on its right side."""

from playwright.sync_api import Page

_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 &&
    !one.closest('.chips, .scroll, .unseen')).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)
    .concat('the page')"""


def too_wide(page: Page) -> list[str]:
    """List what makes the page wider than the window; empty where nothing does."""
    return list(page.evaluate(_TOO_WIDE))
