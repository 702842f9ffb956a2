"""The service as it would be with a little of the patience that the driver comes with (a minute, on a store that hangs). Only the tests start it."""

from moderation.cli import main
from moderation.store import connection

connection.PATIENCE.update(socket_timeout=2.5)

if __name__ == "__main__":
    main()
