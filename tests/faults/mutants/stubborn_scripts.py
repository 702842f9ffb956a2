"""The service as it would be if its scripts asked a full store for room before they take something away. Only the tests start it."""

from moderation.cli import main
from moderation.store import scripts

_init = scripts.Script.__init__


def _without_flags(self: scripts.Script, name: str, *, flags: str = "") -> None:
    _init(self, name, flags=flags.replace("allow-oom", "no-cluster"))


scripts.Script.__init__ = _without_flags  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
