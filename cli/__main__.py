"""``python -m cli`` is the ``tongzhang`` command."""

from cli.main import main

main()
