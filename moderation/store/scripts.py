"""The Lua scripts, read by file name once: `script("record_comments")`; the connection runs them.

A line `--#include _part` is replaced by lua/_part.lua. A script that staff need to drain a full store may also be had
with the flag allow-oom: `scripts.draining("move_comment")`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources

_FOLDER = importlib.resources.files("moderation.store") / "lua"


class Script:
    """One script: its text, and the digest by which a server knows it."""

    def __init__(self, name: str, *, flags: str = "") -> None:
        self.name = name
        self.text = (f"#!lua flags={flags}\n" if flags else "") + _read(name)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def _read(name: str) -> str:
    lines = []
    for line in (_FOLDER / f"{name}.lua").read_text(encoding="utf-8").splitlines():
        if line.startswith("--#include "):
            lines.append(_read(line.removeprefix("--#include ").strip()))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


@functools.cache
def script(name: str) -> Script:
    """Give the script of this file name."""
    return Script(name)


@functools.cache
def draining(name: str) -> Script:
    """Give the script in the form that also runs on a store that is out of memory."""
    return Script(name, flags="allow-oom")
