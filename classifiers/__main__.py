"""`python -m classifiers` is the command `classifiers`."""

from classifiers.cli import main

if __name__ == "__main__":
    main()
