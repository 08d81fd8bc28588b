"""The screen of a running demo: events as lines, below them progress and the nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

_REFRESH_PER_S = 8
_BAR_WIDTH = 28
_NAME_WIDTH = 26


class Screen:
    """The demo's display. Silent when told so; plain lines where there is no terminal.

    Args:
        console: Where to show.
        quiet: Show nothing at all.
    """

    def __init__(self, console: Console, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._live_wanted = console.is_terminal and not quiet
        self._started = time.monotonic()
        self._nodes: dict[str, str] = {}
        self._bars = Progress(
            TextColumn(f"  {{task.description:<{_NAME_WIDTH}}}"),
            BarColumn(bar_width=_BAR_WIDTH),
            MofNCompleteColumn(),
        )

    @classmethod
    def silent(cls) -> Screen:
        """Return a screen that shows nothing."""
        return cls(Console(quiet=True), quiet=True)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._started

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep progress and nodes on the screen while the block runs."""
        if not self._live_wanted:
            yield
            return
        with Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=_REFRESH_PER_S,
            transient=True,
        ):
            yield

    def event(self, text: str) -> None:
        """Show one line with the time since the start."""
        if not self._quiet:
            line = f"{self.elapsed_s:6.1f} s  {text}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def bar(self, name: str, total: int) -> TaskID:
        """Begin a progress bar."""
        return self._bars.add_task(name, total=total)

    def advance(self, bar: TaskID, count: int) -> None:
        """Move a progress bar on."""
        self._bars.advance(bar, count)

    def node(self, party: str, status: dict[str, Any] | None) -> None:
        """Show how far a node is; None shows it as down."""
        if status is None:
            self._nodes[party] = "down"
            return
        self._nodes[party] = f"block {status['height']:,}, {status['size']:,} entries"

    def _render(self) -> Group:
        lines = [
            Text(f"  {party:<{_NAME_WIDTH}} {state}", style="red" if state == "down" else "green")
            for party, state in self._nodes.items()
        ]
        return Group(self._bars, *lines)
