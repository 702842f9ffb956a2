"""The service as it would be if somebody had called the queue by another name. Only the tests start it."""

from moderation.cli import main
from moderation.store.keys import SiteKeys

_init = SiteKeys.__init__


def _renamed(self: SiteKeys, site_id: str) -> None:
    _init(self, site_id)
    self.queue = self.queue + "ueue"


SiteKeys.__init__ = _renamed  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
