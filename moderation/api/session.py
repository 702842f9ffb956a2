"""Signing in and out: a session of staff's browsers, in a cookie no script can read."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import segno
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency

from moderation.access import Access, written
from moderation.api.bodies import answer, read
from moderation.api.gate import COOKIE, PUBLIC, address_of, allow, check_same_origin, cookie_of, scheme_of
from moderation.errors import BodyInvalid, FieldError, FieldsInvalid, RateExceeded, SignInRefused
from moderation.records import Caller, Moderator, Role
from moderation.telemetry import Telemetry

DEVICE = "__Host-cm-device"
"""The cookie by which a browser is known that has signed in before; it opens nothing."""
DEVICE_DAYS = 180
STAFF_AND_ML = (Role.MODERATOR, Role.ML, Role.ADMIN)


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """Who signs in; `code` where a second factor is set up."""

    email: str
    password: str
    code: str = ""


class Invitation(msgspec.Struct, forbid_unknown_fields=True):
    """The token of a one-time link, and the password that is set with it."""

    token: str
    password: str


class SessionShape(msgspec.Struct):
    """Who is signed in, and the token that requests which change something must carry (X-CSRF-Token)."""

    id: str
    name: str
    role: str
    sites: list[str]
    csrf: str
    must_enrol: bool = False
    """True where nothing else works before a second factor is set up."""


class OpenSession(msgspec.Struct, frozen=True):
    """One signed-in browser of the caller."""

    agent: str
    started: str
    current: bool


class OpenSessions(msgspec.Struct):
    """The caller's sessions, newest first."""

    sessions: list[OpenSession]


class Factor(msgspec.Struct, forbid_unknown_fields=True):
    """A secret to be taken as second factor, proved by a code; an empty secret drops the present one."""

    password: str
    secret: str = ""
    code: str = ""


class Code(msgspec.Struct):
    """A QR code: how many modules it is wide, and the dark ones as the path of an SVG."""

    size: int
    path: str


class NewFactor(msgspec.Struct):
    """A fresh secret, not in force yet, and the address that authenticators read, also as a QR code."""

    secret: str
    address: str
    qr: Code


def code_of(address: str) -> Code:
    """Draw an address as a QR code: one stroke for each run of dark modules."""
    rows = [bytes(row) for row in segno.make_qr(address, error="m").matrix]
    runs = (
        f"M{run.start()} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, row in enumerate(rows)
        for run in re.finditer(rb"\x01+", row)
    )
    return Code(len(rows), "".join(runs))


class Sessions(Controller):
    """The session of this browser."""

    path = "/v1/session"
    tags = ["session"]

    @post("/", opt=allow(PUBLIC, body=SignIn, answers=SessionShape, status=201))
    async def sign_in(
        self, request: Request[Any, Any, Any], access: NamedDependency[Access], telemetry: NamedDependency[Telemetry]
    ) -> Response[bytes]:
        """Sign in. Every failure is answered alike; too many attempts are answered 429."""
        check_same_origin(request)
        require_secure(request)
        wanted = await read(request, SignIn)
        device = cookie_of(request, DEVICE)
        try:
            token, session, moderator = await access.sign_in(
                wanted.email,
                wanted.password[:1000],
                wanted.code,
                address_of(request),
                request.headers.get("user-agent", ""),
                device,
            )
        except (SignInRefused, RateExceeded) as error:
            telemetry.sign_in_tried("refused" if isinstance(error, SignInRefused) else "limited")
            raise
        telemetry.sign_in_tried("accepted")
        caller, _ = await access.by_session(token)
        said = answer(_shape(moderator, session.csrf, caller.must_enrol), 201, {"Set-Cookie": _cookie(token)})
        said.set_cookie(
            DEVICE, access.device_of(wanted.email, device), DEVICE_DAYS * 86_400, path="/", secure=True, httponly=True,
            samesite="strict",
        )  # fmt: skip
        return said

    @get("/", opt=allow(*STAFF_AND_ML, cookies=True, answers=SessionShape, enrolling=True))
    async def current(self, request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> Response[bytes]:
        """Say who is signed in."""
        session = getattr(request.state, "session", None)
        shown = SessionShape(
            caller.id, caller.name, caller.role.value, list(caller.sites), session.csrf if session else "",
            caller.must_enrol,
        )  # fmt: skip
        return answer(shown)

    @delete("/", status_code=204, opt=allow(*STAFF_AND_ML, cookies=True, status=204, enrolling=True))
    async def sign_out(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> Response[None]:
        """Sign out in this browser."""
        if caller.session:
            await access.sign_out(caller.session)
        return Response(None, status_code=204, headers={"Set-Cookie": _cookie("", ended=True)})

    @delete("/all", status_code=204, opt=allow(*STAFF_AND_ML, cookies=True, status=204, enrolling=True))
    async def sign_out_everywhere(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> Response[None]:
        """End every session of the person who is signed in."""
        _signed_in(caller)
        await access.sign_out_everywhere(caller.id)
        return Response(None, status_code=204, headers={"Set-Cookie": _cookie("", ended=True)})

    @get("/all", opt=allow(*STAFF_AND_ML, cookies=True, answers=OpenSessions))
    async def every(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> Response[bytes]:
        """List the sessions of the person who is signed in."""
        _signed_in(caller)
        current = request.state.session
        shown = [
            OpenSession(one.agent, written(datetime.fromtimestamp(one.started, UTC)), one.csrf == current.csrf)
            for one in await access.open_sessions(caller.id)
        ]
        return answer(OpenSessions(shown))

    @post("/factor", opt=allow(*STAFF_AND_ML, cookies=True, answers=NewFactor, enrolling=True))
    async def new_factor(self, caller: NamedDependency[Caller], access: NamedDependency[Access]) -> Response[bytes]:
        """Make a secret for an authenticator; it counts only once it was sent back with a code."""
        _signed_in(caller)
        person = await access.person(caller.id)
        secret, address = access.new_factor(person.email)
        return answer(NewFactor(secret, address, code_of(address)), headers={"Cache-Control": "no-store"})

    @put("/factor", status_code=204, opt=allow(*STAFF_AND_ML, cookies=True, body=Factor, status=204, enrolling=True))
    async def set_factor(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> None:
        """Take a secret as second factor, or drop the present one; needs the password, and a code of the new secret."""
        _signed_in(caller)
        factor = await read(request, Factor)
        try:
            await access.set_factor(caller.id, factor.password[:1000], factor.secret, factor.code)
        except SignInRefused:
            message = "The password or the code is wrong."
            raise FieldsInvalid([FieldError("code", "factor_refused", message)]) from None

    @post("/invitation", opt=allow(PUBLIC, body=Invitation, answers=dict[str, str]))
    async def accept(self, request: Request[Any, Any, Any], access: NamedDependency[Access]) -> Response[bytes]:
        """Set the password by a one-time link; then sign in with it."""
        check_same_origin(request)
        wanted = await read(request, Invitation)
        moderator = await access.accept_invite(wanted.token, wanted.password)
        return answer({"email": moderator.email})


def require_secure(request: Request[Any, Any, Any]) -> None:
    """Refuse to sign in where the browser would not keep the cookie: plain http from another machine."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if scheme_of(request) == "https" or host in ("localhost", "127.0.0.1", "[::1]"):
        return
    raise BodyInvalid(
        "signing in needs https: put the service behind a proxy with a certificate, or open it on this machine as "
        "http://localhost"
    )


def _signed_in(caller: Caller) -> None:
    if not caller.session:
        raise BodyInvalid("a key has no sessions and no second factor; revoke the key instead")


def _cookie(token: str, *, ended: bool = False) -> str:
    return f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict" + ("; Max-Age=0" if ended else "")


def _shape(moderator: Moderator, csrf: str, must_enrol: bool) -> SessionShape:
    return SessionShape(moderator.id, moderator.name, moderator.role.value, list(moderator.sites), csrf, must_enrol)
