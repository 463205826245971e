"""`python3 -m classroom`: says in one sentence if this Python is too old, else runs the command."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - for those who have one
    sys.exit(
        "The lessons need Python 3.11 or later and this is Python "
        + ".".join(str(part) for part in sys.version_info[:2])
        + "; install a later one and run it by its name, as in `python3.11 -m classroom`."
    )

from classroom.commands import main

if __name__ == "__main__":
    sys.exit(main())
