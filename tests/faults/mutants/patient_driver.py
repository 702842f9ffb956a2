"""The service as it would be with the patience that the driver comes with. Only the tests start it."""

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from moderation.cli import main
from moderation.store import connection

connection.PATIENCE.update(socket_timeout=5.0)
connection._retry = lambda: Retry(ExponentialBackoff(cap=10, base=1), 10)

if __name__ == "__main__":
    main()
