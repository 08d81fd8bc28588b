"""Results: what a submitter is told about each record, and its HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.problems import Problem, status_of, title_of
from ledger.entry import APPLIED

if TYPE_CHECKING:
    from node.host.submission import Submission
    from node.node import Node

State = Literal["queued", "ordered", "final", "refused"]
ACCEPTED = 202

UNKNOWN = "The outcome is not known yet. Ask again: submit the same bytes, or follow `ask`."

_KEPT = (
    "The record is taken and waits. Submit the same bytes again at any time, and after a restart "
    "of this node: nothing is recorded twice."
)


class Waiting(msgspec.Struct, frozen=True):
    """Why records that were taken cannot become final at the moment, as a code and in words."""

    code: str
    message: str


class RecordResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one submitted record.

    ``status`` is the HTTP status that the record alone would have had. ``definite`` is false while
    the outcome is unknown; submitting the same bytes again is always safe, and tells it.
    ``entry`` and ``height`` are there once the record is final, ``code`` and ``message`` when it
    was refused, ``line`` in answers to a stream. ``waiting`` says what stands in the way of a
    record that was taken.
    """

    party: str
    id: str
    status: int
    state: State
    definite: bool
    existing: bool
    line: int | UnsetType = UNSET
    entry: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    ask: str | UnsetType = UNSET
    waiting: Waiting | UnsetType = UNSET


def waiting_at(node: Node) -> Waiting | UnsetType:
    """Return what stands in the way of all records that ``node`` has taken, if anything does."""
    hindrance = node.hindrance()
    if hindrance is None:
        return UNSET
    return Waiting(hindrance.code, f"{hindrance.message}. {_KEPT}")


def result_of(
    submission: Submission,
    waiting: Waiting | UnsetType = UNSET,
    *,
    line: int | UnsetType = UNSET,
) -> RecordResult:
    """Return what is to be told about ``submission`` now.

    Args:
        submission: A record on its way, or at its end.
        waiting: What stands in the way of all that are on their way.
        line: 1-based line of a stream.
    """
    status = _status(submission)
    return RecordResult(
        party=submission.party,
        id=submission.id,
        status=status,
        state=submission.state,
        definite=status != ACCEPTED,
        existing=submission.existing,
        line=line,
        entry=_given(submission.index),
        height=_given(submission.height),
        outcome=_given(submission.outcome),
        code=_given(submission.code),
        message=_given(submission.message),
        ask=ask_link(submission) if status == ACCEPTED else UNSET,
        waiting=waiting if status == ACCEPTED else UNSET,
    )


def refused_line(party: str, line: int, problem: Problem) -> RecordResult:
    """Return the result of a line that could not even be handed to the node."""
    return RecordResult(
        party=party,
        id="",
        status=problem.status,
        state="refused",
        definite=True,
        existing=False,
        line=line,
        code=problem.code,
        message=problem.detail,
    )


def ask_link(submission: Submission) -> str:
    """Return where the record's outcome can be asked for."""
    return f"/v1/records/{submission.party}/{submission.id}"


def problem_of(result: RecordResult) -> Problem:
    """Return the problem document for a single record that was refused."""
    more: dict[str, Any] = msgspec.to_builtins(result)
    for name in ("status", "definite", "code", "message"):
        more.pop(name, None)
    code = str(result.code)
    detail = str(result.message) if result.message else title_of(code, result.status)
    return Problem(code, detail, status=result.status, more=more)


def _status(submission: Submission) -> int:
    if submission.state == "final":
        return 200 if submission.outcome == APPLIED else status_of("refused-in-log")
    if submission.state == "refused":
        return status_of(submission.code or "refused")
    return ACCEPTED


def _given(value: Any) -> Any:
    return UNSET if value is None else value
