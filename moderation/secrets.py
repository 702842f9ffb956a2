"""The secret of the deployment that is not in the store: the pepper of the digests.

It lies in the data folder (mode 0600) and is made at the first start; several machines share one by `store.pepper`.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from moderation.errors import SetupRefused
from moderation.settings import Settings

LENGTH = 32


def pepper_of(settings: Settings) -> bytes:
    """Give the pepper, making it where there is none; raises SetupRefused where it is not one."""
    given = settings.store.pepper
    if given:
        return _read(given, "MODERATION_STORE__PEPPER (store.pepper)")
    path = settings.store.data / "pepper"
    try:
        return _read(_kept_in(path), str(path))
    except UnicodeDecodeError:
        return _read("", str(path))
    except OSError as error:
        raise SetupRefused(f"{path} cannot be read or made: {error.strerror}; choose another data folder") from None


def _kept_in(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = base64.urlsafe_b64encode(secrets.token_bytes(LENGTH)).decode()
        draft = path.with_name(f".pepper-{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # the first of several workers wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def _read(text: str, where: str) -> bytes:
    try:
        pepper = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        pepper = b""
    if len(pepper) < LENGTH:
        raise SetupRefused(f"{where}: a pepper is at least {LENGTH} random bytes, written in base64url")
    return pepper
