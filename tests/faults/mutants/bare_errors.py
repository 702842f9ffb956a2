"""The service as it would be if nobody had looked up what a store in trouble says. Only the tests start it."""

from moderation.cli import main
from moderation.store import refusals

refusals._REFUSALS_BY_PREFIX.clear()
refusals._REFUSALS_BY_CLASS = ()
refusals._FAILURES = ()

if __name__ == "__main__":
    main()
