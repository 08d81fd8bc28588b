"""A node's HTTP interface as commands use it: one request at a time, errors as ``CliError``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from cli.errors import CheckFailed, CliError, UsageError

if TYPE_CHECKING:
    import httpx

NDJSON = "application/x-ndjson"
TIMEOUT_S = 75.0
WAIT_MS = 60_000
ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""An answer that is not read line by line."""

_NEXT_STEPS = {
    "no-token": "pass --home HOME without --url, or --token; make one with: tongzhang token create",
    "bad-token": "make a token with: tongzhang token create",
    "wrong-scope": "make a token with that scope: tongzhang token create --scope",
    "busy": "wait a moment and try again; records that are sent again are recorded once",
    "no-such-record": "check the id and the party that stated it (--party)",
    "no-such-payment": "check the id; a payment is known once a record about it was applied",
}


_WRONGLY_CALLED = ("bad-parameter", "no-such-party")
"""What a node says of an option that no state of the log could make right."""

_decoder = msgspec.json.Decoder()


class Document(dict[str, Any]):
    """What a node answers. Something that lacks what is looked for in it is no node's answer."""

    def __missing__(self, name: str) -> Any:
        raise unexpected(f"an answer has no {name!r} in it")


class Client:
    """Talks to one node.

    Args:
        url: The node's address, such as ``http://127.0.0.1:7101``.
        token: A bearer token, or the empty string.
        transport: What requests are handed to, instead of the network.

    Raises:
        UsageError: ``bad-url`` or ``bad-token``.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        import httpx

        if not url.startswith(("http://", "https://")):
            raise UsageError("bad-url", f"{url!r} is not an address: write http://HOST:PORT")
        token = token.strip()
        if not (token.isascii() and token.isprintable()):
            raise UsageError("bad-token", "a token is one line of printable ASCII characters")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.url = url
        self._offset_minutes: int | None = None
        try:
            self._http = httpx.Client(
                base_url=url,
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
                transport=transport,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError("bad-url", f"{url!r} is not an address: {error}") from None

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON at ``path``. Query values that are None are left out."""
        (answer,) = _answers(lambda body: [_decoder.decode(body)], self._send("GET", path, query))
        return answer

    def offset_minutes(self) -> int:
        """Return by how much the zone of the consortium's calendar is before UTC; asked once."""
        if self._offset_minutes is None:
            self._offset_minutes = int(self.get("/v1/calendar")["utc_offset_minutes"])
        return self._offset_minutes

    def get_text(self, path: str) -> str:
        """Return the text at ``path``."""
        return self._send("GET", path, {}).decode("utf-8", "replace")

    def submit_lines(self, lines: Iterable[bytes], *, wait: bool) -> list[dict[str, Any]]:
        """Submit canonical records and return one result a record, in order.

        Raises:
            CheckFailed: the node took only some of them; what it answered names the first line
                that it did not take.
        """
        query = {"wait": "final" if wait else "queued", "timeout_ms": WAIT_MS}
        body = b"\n".join(lines)
        answer = self._send("POST", "/v1/records", query, body)
        results = _answers(_decoder.decode_lines, answer)
        if results and "type" in results[-1]:
            raise _problem(results[-1])
        return results

    def stream_lines(self, path: str, **query: object) -> Iterator[bytes]:
        """Yield the lines at ``path`` as they come."""
        with self._asking(), self._http.stream("GET", path, params=_given(query)) as answer:
            if not answer.is_success:
                raise _problem_of(answer.status_code, _whole(answer))
            if not answer.headers.get("content-type", "").startswith(NDJSON):
                raise unexpected("an answer is not made of lines of JSON")
            yield from lines_of(answer.iter_bytes())

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: bytes | None = None
    ) -> bytes:
        headers = {} if body is None else {"content-type": NDJSON}
        with (
            self._asking(),
            self._http.stream(
                method, path, params=_given(query), content=body, headers=headers
            ) as answer,
        ):
            content = _whole(answer)
        if not answer.is_success:
            raise _problem_of(answer.status_code, content)
        return content

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Say why there is no answer."""
        import httpx

        try:
            yield
        except httpx.InvalidURL as error:
            raise UsageError(
                "bad-url", f"no address can be made of what was given: {error}"
            ) from None
        except UnicodeEncodeError:
            raise UsageError("not-text", "an argument is not UTF-8 text") from None
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> CheckFailed:
        reason = str(error) or type(error).__name__
        return CheckFailed(
            "unreachable",
            f"no node answers at {self.url}: {reason}",
            "start it with: tongzhang node HOME",
        )


def _whole(answer: httpx.Response) -> bytes:
    """Return the body of an answer.

    Raises:
        CheckFailed: ``unexpected-answer``, it is longer than that of any node.
    """
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise unexpected(f"an answer has more than {ANSWER_BYTES_MAX:,} bytes")
        parts.append(part)
    return b"".join(parts)


def lines_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines as they come, whatever the parts.

    Raises:
        CheckFailed: ``unexpected-answer``, a line is longer than that of any block.
    """
    from ledger.log_lines import LINE_BYTES_MAX

    begun: list[bytes] = []
    size = 0
    for part in parts:
        first, *lines = part.split(b"\n")
        begun.append(first)
        size += len(first)
        if size > LINE_BYTES_MAX:
            raise unexpected(f"a line of an answer has more than {LINE_BYTES_MAX:,} bytes")
        if lines:
            yield b"".join(begun)
            yield from lines[:-1]
            begun = [lines[-1]]
            size = len(lines[-1])
    if rest := b"".join(begun):
        yield rest


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _answers(found: Callable[[bytes], Any], body: bytes) -> list[dict[str, Any]]:
    """Return the objects that are found in a body."""
    try:
        return [Document(_object(each)) for each in found(body)]
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise unexpected("an answer is not JSON as a node writes it") from None


def _problem_of(status: int, body: bytes) -> CliError:
    try:
        return _problem(_object(_decoder.decode(body)))
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return unexpected(f"status {status} without a problem document")


def _problem(document: dict[str, Any]) -> CliError:
    code = str(document["code"])
    kind = UsageError if code in _WRONGLY_CALLED else CheckFailed
    return kind(code, str(document["detail"]), _NEXT_STEPS.get(code, ""), document)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def unexpected(what: str) -> CheckFailed:
    """Return the error about an answer that no node gives."""
    return CheckFailed("unexpected-answer", f"{what}; is this a node's address?")
