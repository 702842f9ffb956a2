"""Digests: the same person is the same, in every spelling, and nothing that is kept says who it is."""

import pytest
from cryptography.exceptions import InvalidTag

from moderation.digests import Digests, address_prefix, canonical_email
from moderation.records import Comment

PEPPER = bytes(range(32))


@pytest.fixture
def digests() -> Digests:
    return Digests(PEPPER)


def a_comment(**fields: str) -> Comment:
    return Comment(id="c", site="news", text="hello", **fields)


@pytest.mark.parametrize(
    "spelling", ["Ann@Example.org", " ann@example.ORG ", "ANN@EXAMPLE.ORG"], ids=["capitals", "blanks", "shouting"]
)
def test_an_address_is_one_author_however_it_is_spelled(digests: Digests, spelling: str) -> None:
    assert digests.author(spelling, "", "") == digests.author("ann@example.org", "", "")
    assert digests.author("ann+news@example.org", "", "") != digests.author("ann@example.org", "", "")


def test_a_domain_in_any_script_is_its_ascii_form() -> None:
    assert canonical_email("ann@BÜCHER.example") == canonical_email("ann@xn--bcher-kva.example")
    assert canonical_email("no address") == "@no address"
    assert canonical_email("ann@" + "ü" * 300 + ".example").startswith("ann@")


def test_two_mailboxes_are_two_authors_also_where_their_letters_are_akin(digests: Digests) -> None:
    """An erasure for the one would take the other's comments, and an export would show them."""
    for one, other in (("ann@straße.de", "ann@strasse.de"), ("groß@a.example", "gross@a.example")):
        assert digests.author(one, "", "") != digests.author(other, "", "")
    assert digests.author("ann@straße.de", "", "") == digests.author("ann@xn--strae-oqa.de", "", "")
    assert digests.author("J\u00f6rg@a.example", "", "") == digests.author("jo\u0308rg@a.example", "", "")


def test_without_an_e_mail_address_the_network_address_is_the_author_and_without_that_the_name(
    digests: Digests,
) -> None:
    by_mail = digests.author_of(a_comment(name="Ann", email="ann@example.org", ip="192.0.2.1"))
    assert by_mail == digests.author_of(a_comment(name="Other", email="ann@example.org", ip="192.0.2.9"))
    by_ip = digests.author_of(a_comment(name="Ann", ip="192.0.2.1"))
    by_name = digests.author_of(a_comment(name="Ann"))
    assert len({by_mail, by_ip, by_name}) == 3
    assert by_name == digests.author_of(a_comment(name="ANN"))


def test_an_author_by_name_alone_is_told_from_all_others(digests: Digests) -> None:
    assert digests.is_by_name(digests.author_of(a_comment(name="Ann")), "ANN")
    assert digests.is_by_name(digests.author_of(a_comment()), "")
    for known in ({"email": "ann@example.org"}, {"ip": "192.0.2.1"}):
        assert not digests.is_by_name(digests.author_of(a_comment(name="Ann", **known)), "Ann")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("999.0.113.77", "999.0.113.77"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_household_is_one_network(address: str, network: str) -> None:
    assert address_prefix(address) == network


def test_a_digest_says_nothing_depends_on_the_pepper_and_on_what_it_is_of(digests: Digests) -> None:
    digest = digests.of("email", "ann@example.org")
    assert len(digest) == 16
    assert "ann" not in digest
    assert digest != digests.of("address", "ann@example.org")
    assert digest != Digests(PEPPER[::-1]).of("email", "ann@example.org")
    assert digest == Digests(PEPPER).of("email", "ann@example.org")
    assert digests.of("name", "\ud800"), "half a surrogate pair is a value too"


def test_no_address_has_no_digest(digests: Digests) -> None:
    assert digests.address("") == ""


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Digests(b"short")


def test_what_is_sealed_opens_for_its_site_and_this_deployment_only(digests: Digests) -> None:
    comment = a_comment(email="ann@example.org", ip="192.0.2.1")
    sealed = digests.seal("news", comment)
    assert "ann" not in sealed
    assert digests.unseal("news", sealed) == {"email": "ann@example.org", "ip": "192.0.2.1"}
    assert sealed != digests.seal("news", comment), "the same twice does not look the same"
    lettered = digests.unseal("news", digests.seal("news", a_comment(email="Ann@BÜCHER.example")))
    assert lettered == {
        "email": "Ann@BÜCHER.example",
        "email_ascii": "Ann@xn--bcher-kva.example",
        "email_unicode": "Ann@bücher.example",
        "ip": "",
    }
    for other, site in ((digests, "blog"), (Digests(PEPPER[::-1]), "news")):
        with pytest.raises(InvalidTag):
            other.unseal(site, sealed)
