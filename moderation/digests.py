"""Who is the same, without saying who: e-mail and network addresses as keyed digests, and sealed where a site asks.

The key (a pepper of 32 bytes) belongs to the deployment. Without it a digest cannot be tried against a list of
addresses; with another one every author is a stranger.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import ipaddress
import os
import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from moderation.domains import ascii_form, unicode_form
from moderation.records import Comment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_BYTE}\.{_BYTE}\.{_BYTE})\.{_BYTE}")


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A comment at the door, with the digests by which the store knows it."""

    comment: Comment
    author: str
    address: str = ""
    fingerprint: str = ""
    idempotency: str = ""
    """Digest of the Idempotency-Key, or empty."""
    body: str = ""
    """Digest of the body that came with it: 16 characters."""
    sealed: str = ""
    spends_form: bool = False
    by_name: bool = False
    """True where the author is known by a name alone."""


class Digests:
    """The keyed digests of one deployment."""

    def __init__(self, pepper: bytes) -> None:
        if len(pepper) < 32:
            raise ValueError("the pepper needs at least 32 bytes")
        self._key = hashlib.sha256(b"digest" + pepper).digest()
        self._seal_key = hashlib.sha256(b"seal" + pepper).digest()
        self.author = functools.lru_cache(maxsize=4_096)(self._author)
        self.address = functools.lru_cache(maxsize=4_096)(self._address)

    def of(self, kind: str, value: str) -> str:
        """Give 16 characters (96 bits) that stand for this value."""
        mac = hmac.digest(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(mac[:12]).decode()

    def _author(self, email: str, ip: str, name: str) -> str:
        # An author without an e-mail address is known by the network address, and without that by the name.
        if email:
            return self.of("email", canonical_email(email))
        return self.of("author-ip", ip) if ip else self.of("author-name", name.casefold())

    def _address(self, ip: str) -> str:
        return self.of("address", address_prefix(ip)) if ip else ""

    def reader(self, ip: str, key: str) -> str:
        """Name who reports: by the address, or by the Idempotency-Key of a report without one; empty without either."""
        return self.address(ip) or ("key " + self.of("report", key) if key else "")

    def author_of(self, comment: Comment) -> str:
        """Give the id of who wrote this."""
        return self.author(comment.email, "" if comment.email else comment.ip, "" if comment.email else comment.name)

    def is_by_name(self, author: str, name: str) -> bool:
        """Say whether this author is known by a name alone, which anybody may write."""
        return author == self.author("", "", name)

    @functools.cached_property
    def _seal(self) -> AESGCM:
        # 6 MB that only a service with a site that keeps contacts needs
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._seal_key)

    def seal(self, site: str, comment: Comment) -> str:
        """Encrypt e-mail and address so that only this deployment can read them (AES-256-GCM, bound to the site).

        The address is kept as it was written; where its domain has two forms, in both of them as well.
        """
        nonce = os.urandom(12)
        clear = msgspec.json.encode({"email": comment.email, **_forms(comment.email), "ip": comment.ip})
        return base64.b64encode(nonce + self._seal.encrypt(nonce, clear, site.encode())).decode()

    def unseal(self, site: str, sealed: str) -> dict[str, str]:
        """Read what `seal` wrote."""
        raw = base64.b64decode(sealed)
        return msgspec.json.decode(self._seal.decrypt(raw[:12], raw[12:], site.encode()), type=dict[str, str])


def canonical_email(email: str) -> str:
    """Write an address so that the same mailbox is the same text: the domain in lower case and ASCII.

    The part before the @ keeps its letters but for their case, which no mail service of today tells apart. A letter
    that can be written in one piece or in two is written in one.
    """
    local, _, domain = email.strip().rpartition("@")
    if not local.isascii():
        local = unicodedata.normalize("NFC", local)
    return f"{local.lower()}@{ascii_form(domain)}"


def _forms(email: str) -> dict[str, str]:
    """Give an address with its domain in ASCII and in its own letters, where these differ."""
    local, _, domain = email.rpartition("@")
    plain, lettered = ascii_form(domain), unicode_form(domain)
    return {} if plain == lettered else {"email_ascii": f"{local}@{plain}", "email_unicode": f"{local}@{lettered}"}


def address_prefix(ip: str) -> str:
    """Give the network that one household or host shares: /24 for IPv4, /64 for IPv6."""
    plain = _IPV4.fullmatch(ip)
    if plain:  # by far the most, and reading an address properly costs as much as a whole script call
        return plain.group(1) + ".0/24"
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))
