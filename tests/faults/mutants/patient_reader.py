"""The service as it would be if it read heads and trailers to their end, and took a trailer for a header. Only the tests start it."""

from moderation.api import hot
from moderation.cli import main

hot.LARGEST_HEAD = 1 << 60
_on_header = hot.HotRoute.on_header


def _any_line(self: hot.HotRoute, name: bytes, value: bytes) -> None:
    in_head, self._in_head = self._in_head, True
    _on_header(self, name, value)
    self._in_head = in_head


hot.HotRoute.on_header = _any_line  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
