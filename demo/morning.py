"""The funders' morning for people, within 80 columns."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.stage.morning import SHOWN, figures_of, yuan

_WIDTH = 79
_HEADS = {
    "due": "due 应还",
    "captured": "came 已收",
    "split": "split 已分",
    "differing": "differs 不符",
    "unstated": "unsaid 未分",
    "failed": "failed 失败",
}
_FAULTS = {
    "by-shares": "by shares, not by what is open",
    "a-fen-off": "a fen off",
    "loan-left-out": "it leaves the loan out",
}


def show(morning: dict[str, Any], agrees: bool, console: Console) -> None:
    """Print what the morning showed: the sheets' figures, the wrong splits, the compensation.

    Args:
        morning: What it showed.
        agrees: Whether all that is what the second computation says.
        console: Where to print.
    """
    _line(console, "")
    _line(
        console,
        f"The funders' morning (资金方的早晨), {morning['date']}, {morning['loans']} loans.",
    )
    verdict = "the second computation agrees" if agrees else "THE SECOND COMPUTATION DIFFERS"
    _line(console, f"Each party's sheet, made by its own node; {verdict}:")
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    grid.add_column("party")
    for name in SHOWN:
        grid.add_column(_HEADS[name], justify="right")
    for party, sheet in morning["sheets"].items():
        figures = figures_of(sheet)
        grid.add_row(party, *(yuan(figures[name]) for name in SHOWN))
    console.print(grid)
    for wrong in morning["wrong"]:
        _wrapped(console, _wrong(wrong))
    for paid in morning["compensations"]:
        parts = ", ".join(f"{party} {yuan(part)}" for party, part in paid["shares"].items())
        said = f"compensated (代偿): {yuan(paid['amount'])} for {paid['loan']}, to {parts}"
        _wrapped(console, said)
    for party, sheet in morning["sheets"].items():
        kinds = Counter(each["kind"] for each in sheet["exceptions"])
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        _wrapped(console, f"exceptions of {party} (异常): {told or 'none'}")


def _wrong(wrong: dict[str, Any]) -> str:
    what = f"wrong split of {wrong['payment']}: {_FAULTS[wrong['fault']]}; "
    if wrong["outcome"] == "conflicting":
        waits = yuan(sum(wrong["right"].values()))
        return f"{what}conflicting (冲突), {waits} wait until the platform amends it"
    apart = ", ".join(
        f"{party} {'+' if amount > 0 else ''}{yuan(amount)}"
        for party, amount in wrong["differences"].items()
    )
    return f"{what}refused (拒绝), {wrong['outcome']}: {apart}"


def _wrapped(console: Console, text: str) -> None:
    first, *rest = wrap(text, _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    _line(console, first)
    for line in rest:
        _line(console, f"  {line}")


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
