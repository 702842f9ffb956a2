"""The service as it would be with a parser that reads what it can of a request that is framed wrong. Only the tests start it."""

from typing import Any

from moderation.api.hot import HotRoute
from moderation.cli import main

_init = HotRoute.__init__


def _lenient(self: HotRoute, *given: Any, **more: Any) -> None:
    _init(self, *given, **more)
    self.parser.set_dangerous_leniencies(
        lenient_headers=True, lenient_chunked_length=True, lenient_transfer_encoding=True, lenient_version=True
    )


HotRoute.__init__ = _lenient  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
