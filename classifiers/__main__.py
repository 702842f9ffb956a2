"""`python -m classifiers` is the command `classifiers`; a Ctrl-C is no fault, also while it is still starting."""

import sys


def main() -> None:
    """Run the command."""
    try:
        from classifiers.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
