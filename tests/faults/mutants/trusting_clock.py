"""The service as it would be if its scripts took the clock for something that only goes on. Only the tests start it."""

from moderation.cli import main
from moderation.store import scripts

GUARDS = {
    "if now > last then last = now else last = last + 1 end": "last = now",
    "math.min(tonumber(redis.call('GET', KEYS[1]) or 0), now + window)": "tonumber(redis.call('GET', KEYS[1]) or 0)",
}
"""What in the scripts expects a clock that goes back, and what would stand there without it."""

_read = scripts._read


def _trusting(name: str) -> str:
    text = _read(name)
    for guard, without in GUARDS.items():
        text = text.replace(guard, without)
    return text


scripts._read = _trusting

if __name__ == "__main__":
    main()
