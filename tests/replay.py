"""What the ledger says of a site's comments, rebuilt from its lines alone: status, version, and whether each one waits."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class Standing(msgspec.Struct):
    """Where a comment stands by the ledger."""

    status: str
    version: int
    reports: int = 0
    escalated: bool = False
    waits: bool = False
    before: "Standing | None" = None
    """How it stood before its last decision."""


def rebuilt(lines: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Standing], list[str]]:
    """Rebuild every comment from the ledger's lines; gives them, and each line that cannot follow what was before it."""
    found: dict[str, Standing] = {}
    wrong: list[str] = []
    for line in lines:
        if "c" not in line:
            continue
        name, event, version = line["c"], line["e"], line["v"]
        one = found.get(name)
        if event in ("comment.judged", "comment.imported"):
            if one is not None or version != 1:
                wrong.append(f"{name} comes a second time")
            found[name] = Standing(line["s"], version, waits=line["s"] == "pending")
        elif one is None or version != one.version + 1:
            wrong.append(f"{name} moves to version {version} from {one.version if one else 'nothing'}")
        elif line["s"] == "erased":
            del found[name]
        else:
            _move(one, line)
    return found, wrong


def _move(one: Standing, line: Mapping[str, Any]) -> None:
    event = line["e"]
    before = Standing(one.status, one.version, one.reports, one.escalated, one.waits)
    one.status, one.version = line["s"], line["v"]
    if event == "case.decided":
        one.before, one.waits, one.reports, one.escalated = before, False, 0, False
    elif event == "case.undone" and one.before:
        one.waits = one.waits or one.before.waits
        one.reports += one.before.reports
        one.escalated, one.before = one.escalated or one.before.escalated, None
    elif event == "comment.reported" and one.status == "rejected" and one.before:
        # the site has yet to hear of the rejection: the report comes back with how it stood before
        one.before.reports, one.before.waits = line["n"], True
    elif event == "comment.reported":
        one.reports, one.waits = line["n"], True
    elif event == "case.escalated":
        one.escalated = one.waits = True
    else:  # judged again
        one.before = None
        one.waits = one.status == "pending" or bool(one.reports or one.escalated)


def differences(
    lines: Iterable[Mapping[str, Any]], stored: Mapping[str, tuple[str, int]], waiting: set[str]
) -> list[str]:
    """List where the store (id -> status and version, and the queue) is not what the ledger says."""
    found, wrong = rebuilt(lines)
    for name in found.keys() | stored.keys():
        one = found.get(name)
        told = (one.status, one.version) if one else None
        if told != stored.get(name):
            wrong.append(f"{name}: the ledger says {told}, the store {stored.get(name)}")
    queue = {name for name, one in found.items() if one.waits}
    return wrong + [f"{name} waits by one of ledger and queue only" for name in queue ^ waiting]
