"""Keys: every key of a site lies under its one tag, none of another site's fits its pattern, and what stays is listed."""

import fnmatch

import pytest

from moderation.store import keys


def names_of(site_id: str) -> dict[str, str]:
    """Give every key name of a site; what takes an argument is given `x`."""
    names = keys.of_site(site_id)
    found = {}
    for field in keys.SiteKeys.__slots__:
        value = getattr(names, field)
        found[field] = value("x") if callable(value) else value
    del found["site"]
    return found


def test_all_keys_of_a_site_share_its_tag_and_no_two_are_the_same() -> None:
    names = names_of("news")
    assert all(name.startswith("cm:{news}:") for name in names.values())
    assert len(set(names.values())) == len(names)


def test_the_pattern_of_a_site_fits_its_own_keys_and_no_other() -> None:
    pattern = keys.everything("news")
    assert all(fnmatch.fnmatchcase(name, pattern) for name in names_of("news").values())
    others = [*names_of("news-2").values(), *names_of("new").values(), keys.SITES, keys.PEOPLE, keys.policies("news")]
    assert not [name for name in others if fnmatch.fnmatchcase(name, pattern)]


def test_what_goes_by_itself_is_not_listed_as_permanent() -> None:
    names = names_of("news")
    going = [names[field] for field in ("copies", "idempotency", "day", "allowance", "ended", "reporters")]
    going += [
        keys.model_job("j"),
        keys.model_report("v"),
        keys.session("d"),
        keys.sessions_of("m"),
        keys.login("a", "d"),
        keys.lease("w"),
    ]
    listed = [name for name in going if any(fnmatch.fnmatchcase(name, pattern) for pattern in keys.PERMANENT)]
    assert not listed
    for field in ("comment", "queue", "ledger", "head", "labels", "author", "webhooks", "embargo"):
        assert any(fnmatch.fnmatchcase(names[field], pattern) for pattern in keys.PERMANENT), field


def test_a_waiting_comment_stands_under_its_reasons_its_language_and_its_page() -> None:
    names = keys.of_site("news")
    assert names.filters(("spam", "links"), "en", "t1") == [
        "cm:{news}:q:r:spam", "cm:{news}:q:r:links", "cm:{news}:q:l:en", "cm:{news}:q:t:t1",
    ]  # fmt: skip
    assert names.filters((), "", "") == []


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("cm:{news}:c:1", "cm:{news}:wait"),
        ("cm:{sites}:site", "cm:{sites}:wait"),
        ("no tag", "cm:{work}:wait"),
        ("}{", "cm:{work}:wait"),
    ],
)
def test_the_mark_of_a_wait_lies_where_the_key_lies(name: str, beside: str) -> None:
    assert keys.mark_beside(name) == beside


def test_a_page_is_named_in_few_bytes_and_no_page_by_nothing() -> None:
    assert keys.thread_digest("") == ""
    digests = {keys.thread_digest(f"https://news.example/{number}") for number in range(1000)}
    assert len(digests) == 1000
    assert {len(digest) for digest in digests} == {16}
