"""Every HTTP error of a node, as RFC 9457 problem documents made from one table.

Body (``application/problem+json``)::

    {"type":"urn:tongzhang:error:id-reused","title":"…","status":409,"detail":"…",
     "code":"id-reused","instance":"/v1/records","definite":true}

``definite`` says whether the outcome is known: true means that nothing more will happen because of
this request. A refusal code of a contract that is not in the table answers 422, or 409 when the
record already stands in the log as refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ledger import currencies, forms
from ledger.errors import URN, LedgerError
from node.errors import CorruptLedger, NodeError, StorageError
from views.fault_words import stop_in_words
from views.texts import gettext, translated

MEDIA_TYPE = "application/problem+json"

logger = logging.getLogger("tongzhang.api")

TABLE: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request is not HTTP"),
    "bad-parameter": (400, "A parameter of the request is not what it must be"),
    "repeated-parameter": (400, "A parameter of the request stands in it more than once"),
    "no-token": (401, "A bearer token is needed"),
    "bad-token": (401, "The bearer token is not known, or was revoked"),
    "foreign-page": (403, "This was asked for by a page of another site"),
    "wrong-scope": (403, "The bearer token does not allow this"),
    "read-only": (403, "A log that is opened like a file is only read"),
    "not-found": (404, "There is nothing at this address"),
    "no-such-account": (404, "The books have no such account"),
    "no-such-block": (404, "The log has no block of this height"),
    "no-such-checkpoint": (404, "Nothing is final yet"),
    "no-such-evidence": (404, "Nothing is convicted by evidence of this id here"),
    "no-such-entry": (404, "The log has no entry of this index"),
    "no-such-loan": (404, "No loan was proposed under this id"),
    "no-such-party": (404, "The consortium has no party of this name"),
    "no-such-payment": (404, "No record of the log names this payment"),
    "no-such-payout": (404, "No applied record names this payout"),
    "no-such-receiver": (404, "No applied record names this receiver"),
    "no-such-record": (404, "The log has no record of this author and id"),
    "no-such-subject": (404, "No record of the log is about this"),
    "no-simulator": (404, "This node offers no simulator"),
    "no-such-simulation": (404, "There is no simulation of this id, or none any more"),
    "no-such-tile": (404, "The log has no such tile"),
    "method-not-allowed": (405, "This address does not take this method"),
    "head-too-slow": (408, "The head of the request did not come in time"),
    "id-reused": (409, "The id already names another record of this author"),
    "no-recording": (409, "The simulation has left no recording yet, or failed"),
    "refused-in-log": (409, "The record stands in the log as refused and changed nothing"),
    "body-too-large": (413, "The request is too large"),
    "too-many-records": (413, "The array has too many records"),
    "record-too-large": (413, "The record is too large"),
    "unsupported-media-type": (415, "This address does not take this content type"),
    "too-many-feeds": (429, "Too many feeds are open"),
    "too-many-guesses": (429, "Too many wrong bearer tokens came"),
    "head-too-large": (431, "The head of the request is too large"),
    "wrong-host": (421, "The request is meant for another host"),
    "bad-simulation": (422, "This cannot be simulated"),
    "date-before-founding": (422, "The ledger was not founded yet on the date"),
    "date-in-future": (422, "The date is yet to come"),
    "empty-body": (422, "The request holds no record"),
    "index-out-of-range": (422, "The log has no tree of this size, or no such index in it"),
    "refused": (422, "The record was refused; nothing was recorded"),
    "internal-error": (500, "The node failed to answer; this is a fault of the node"),
    "busy": (503, "The node has as much to do as it accepts"),
    "conflicting-final": (503, "The node stopped: it saw two final histories"),
    "corrupt-ledger": (503, "The node stopped: its database is damaged"),
    "disk-full": (503, "The node stopped: its disk is full"),
    "height-not-reached": (503, "The ledger has not come to this height here"),
    "key-contradicts-itself": (503, "Two statements of this party's key contradict each other"),
    "no-quorum": (503, "Too few voters are reached, and the queue is full"),
    "not-ready": (503, "The node cannot take part at the moment"),
    "not-signing": (503, "The node has started and signs nothing yet, and the queue is full"),
    "state-diverged": (503, "The node stopped: its state differs from the quorum's"),
    "stopping": (503, "The node is shutting down"),
    "storage-failed": (503, "The node stopped: its database failed"),
}
"""Status and title by code."""

WANTED = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of a size that is possible",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "bool_parsing": "true or false",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "of the form that is asked for",
}
"""What a parameter has to be, by what the checker of types found."""

_SHOWN_CHARS = 80

RETRY_AFTER_S = {
    "busy": 1,
    "height-not-reached": 2,
    "not-ready": 2,
    "stopping": 5,
    "too-many-feeds": 5,
}


class Problem(Exception):
    """An answer that is a problem document.

    Args:
        code: A key of :data:`TABLE`, or a contract's refusal code.
        detail: What was expected, what came, and the next step.
        definite: Whether the outcome is known.
        status: Status, where it is not the table's.
        more: Further members of the document.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        definite: bool = True,
        status: int = 0,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.definite = definite
        self.status = status or status_of(code)
        self.more = more or {}

    def document(self, instance: str) -> dict[str, Any]:
        """Return the problem document for a request to the path ``instance``."""
        return {
            "type": URN + self.code,
            "title": title_of(self.code, self.status),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
            "definite": self.definite,
            **self.more,
        }

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the problem."""
        if self.status == 401:
            return {"www-authenticate": f'Bearer realm="tongzhang", error="{self.code}"'}
        retry_after_s = RETRY_AFTER_S.get(self.code)
        return {} if retry_after_s is None else {"retry-after": str(retry_after_s)}


def status_of(code: str) -> int:
    """Return the HTTP status of a code; 422 for a contract's refusal."""
    return TABLE.get(code, TABLE["refused"])[0]


def title_of(code: str, status: int) -> str:
    """Return the title of a code; a contract's refusals share two, by their status."""
    known = TABLE.get(code)
    if known is not None:
        return known[1]
    return TABLE["refused-in-log" if status == TABLE["refused-in-log"][0] else "refused"][1]


def respond(problem: Problem, instance: str) -> Response:
    """Return the HTTP response that carries a problem."""
    return Response(
        msgspec.json.encode(problem.document(instance)),
        status_code=problem.status,
        headers=problem.headers(),
        media_type=MEDIA_TYPE,
    )


def of_error(error: LedgerError | NodeError) -> Problem:
    """Return the problem that says what an error of the layers below says."""
    status = TABLE[error.code][0] if error.code in TABLE else 500
    if isinstance(error, NodeError):
        if error.code not in TABLE:
            status = 503
        if isinstance(error, StorageError | CorruptLedger) and error.code != "busy":
            logger.error("%s", error)  # a Chinese page says what to do, and points to the log
        said = stop_in_words(error.code, error.message)
        return Problem(error.code, said, definite=error.definite, status=status)
    if status == 500:
        logger.error("unexpected %s", error)
        return _internal()
    return Problem(error.code, error.message, status=status)


ANSWERED = (Problem, LedgerError, NodeError, ClientDisconnect)
"""What a route may raise, besides what the checks of parameters do."""


def answer_to(error: Exception, instance: str) -> Response:
    """Return the answer to a request to the path ``instance`` that ended with an error.

    Args:
        error: One of :data:`ANSWERED`.
        instance: The path.
    """
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # to nobody: its body was not whole, nothing was taken
    if isinstance(error, LedgerError | NodeError):
        error = of_error(error)
    assert isinstance(error, Problem)  # there is nothing else
    return respond(error, instance)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""
    for kind in ANSWERED:
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


async def _on_error(request: Request, error: Exception) -> Response:
    return answer_to(error, request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # registered for nothing else
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return respond(Problem("bad-parameter", f"{place}: {_in_words(first)}"), request.url.path)


def _in_words(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a parameter, and what it has to be."""
    if error["type"] == "missing":
        return gettext("it is missing; give it a value")
    if error.get("ctx", {}).get("pattern") == forms.CURRENCY:
        return _no_currency(error["input"][:_SHOWN_CHARS])
    given = repr(error["input"])
    if len(given) > _SHOWN_CHARS:
        given = f"{given[:_SHOWN_CHARS]}…"
    wanted = _wanted(error["type"], error.get("ctx", {}), error["msg"])
    return gettext("{given} is not {wanted}").format(given=given, wanted=wanted)


def _no_currency(text: str) -> str:
    """Return what :func:`ledger.currencies.refusal` does, in the language of who reads it."""
    code = currencies.meant(text)
    advice = gettext("say {code}").format(code=code) if code else gettext("such as CNY, USD or EUR")
    said = gettext("{text!r} is no code of ISO 4217; {advice}")
    return said.format(text=text, advice=advice)


def _wanted(kind: str, bounds: Mapping[str, Any], otherwise: str) -> str:
    words = forms.WORDS.get(bounds.get("pattern", ""), WANTED.get(kind))
    if words is not None:
        return translated(words).format_map(bounds)
    if kind == "literal_error":
        known = bounds["expected"].replace("'", "").replace(", ", gettext(", "))
        known = known.replace(" or ", gettext(" or "))
        return gettext("one of {known}").format(known=known)
    return f"right: {otherwise}"


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for nothing else
    path = request.url.path
    if error.status_code == 405:
        return _not_allowed(request, dict(error.headers or {}).get("Allow", ""))
    if error.status_code == 404:
        said = gettext("see /openapi.json for what there is")
        return respond(Problem("not-found", said), path)
    return respond(Problem("bad-parameter", str(error.detail), status=error.status_code), path)


def _not_allowed(request: Request, allowed: str) -> Response:
    methods = {*allowed.split(", ")}
    possible = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    said = gettext("{method} is not possible here, but {possible}")
    detail = said.format(method=request.method, possible=possible)
    response = respond(Problem("method-not-allowed", detail), request.url.path)
    response.headers["allow"] = possible
    return response


async def _on_fault(request: Request, error: Exception) -> Response:
    return fault(request, error)


def fault(request: Request, error: Exception) -> Response:
    """Return the answer to a request that failed by a fault of the node, which is logged."""
    logger.error("%s %r failed", request.method, request.url.path, exc_info=error)
    return respond(_internal(), request.url.path)


def _internal() -> Problem:
    return Problem(
        "internal-error",
        gettext("Ask again with the same id; if it stays so, the node's own log says why."),
        definite=False,
    )
