"""`python -m classifiers` is the command `classifiers`; a Ctrl-C is no fault, also while it is still starting.

A SIGTERM unwinds it too, so that a folder that was being built is cleared away.
"""

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        from classifiers.cli import main as command

        command()
    except KeyboardInterrupt:
        print("classifiers: stopped before its end", file=sys.stderr)
        sys.exit(130)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
