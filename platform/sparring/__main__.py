"""`python -m sparring` is the command `sparring`, for an environment whose scripts are not on the PATH."""

from .cli import main

if __name__ == "__main__":
    main()
