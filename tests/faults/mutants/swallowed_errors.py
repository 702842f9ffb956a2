"""The service as it would be if a store in trouble were no reason to refuse: what failed is answered as done. Only the tests start it."""

from http import HTTPStatus

from moderation.api import problems
from moderation.cli import main
from moderation.errors import StoreUnavailable

problems.STATUS[StoreUnavailable] = HTTPStatus.ACCEPTED

if __name__ == "__main__":
    main()
