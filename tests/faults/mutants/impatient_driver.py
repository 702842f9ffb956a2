"""The service as it would be if its driver gave a slow store no time. Only the tests start it."""

from moderation.cli import main
from moderation.store import connection

connection.PATIENCE.update(socket_timeout=0.15)

if __name__ == "__main__":
    main()
