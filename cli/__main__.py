"""Entry point of the ``tongzhang`` command: signals count from the first moment.

Importing the command line takes a while, in which a Ctrl-C is as likely as later.
"""

from __future__ import annotations

import sys

from cli.signals import INTERRUPTED, end_in_order, leave_in_peace


def start() -> None:
    """Run the command line of this process and exit."""
    end_in_order()
    try:
        from cli.main import main
    except KeyboardInterrupt:
        leave_in_peace()
        sys.exit(INTERRUPTED)
    main()


if __name__ == "__main__":
    start()
