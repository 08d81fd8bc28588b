"""A node's HTTP interface as commands use it: one request at a time, errors as ``CliError``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from cli.errors import CheckFailed, CliError, UsageError

if TYPE_CHECKING:
    import httpx

NDJSON = "application/x-ndjson"
TIMEOUT_S = 75.0
WAIT_MS = 60_000

_NEXT_STEPS = {
    "no-token": "pass --home HOME, or --token; make one with: tongzhang token create",
    "bad-token": "make a token with: tongzhang token create",
    "wrong-scope": "make a token with that scope: tongzhang token create --scope",
    "busy": "wait a moment and send the same records again; nothing is recorded twice",
    "no-such-record": "check the id and the party that stated it (--party)",
    "no-such-payment": "check the id; a payment is known once a record about it was applied",
}


_WRONGLY_CALLED = ("bad-parameter", "no-such-party")
"""What a node says of an option that no state of the log could make right."""

_decoder = msgspec.json.Decoder()


class Client:
    """Talks to one node.

    Args:
        url: The node's address, such as ``http://127.0.0.1:7101``.
        token: A bearer token, or the empty string.
    """

    def __init__(self, url: str, token: str) -> None:
        import httpx

        if not url.startswith(("http://", "https://")):
            raise UsageError("bad-url", f"{url!r} is not an address: write http://HOST:PORT")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.url = url
        try:
            self._http = httpx.Client(
                base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError("bad-url", f"{url!r} is not an address: {error}") from None

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON at ``path``. Query values that are None are left out."""
        return msgspec.json.decode(self._send("GET", path, query).content)

    def get_text(self, path: str) -> str:
        """Return the text at ``path``."""
        return str(self._send("GET", path, {}).text)

    def submit_lines(self, lines: Iterable[bytes], *, wait: bool) -> list[dict[str, Any]]:
        """Submit canonical records and return one result a record, in order.

        Raises:
            CheckFailed: the node took only some of them; what it answered names the first line
                that it did not take.
        """
        query = {"wait": "final" if wait else "queued", "timeout_ms": WAIT_MS}
        body = b"\n".join(lines)
        answer = self._send("POST", "/v1/records", query, body)
        results: list[dict[str, Any]] = _decoder.decode_lines(answer.content)
        if results and "type" in results[-1]:
            raise _problem(results[-1])
        return results

    def stream_lines(self, path: str, **query: object) -> Iterator[bytes]:
        """Yield the lines at ``path`` as they come."""
        import httpx

        try:
            with self._http.stream("GET", path, params=_given(query)) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _problem_of(answer)
                rest = b""
                for part in answer.iter_bytes():
                    *lines, rest = (rest + part).split(b"\n")
                    yield from lines
                if rest:
                    yield rest
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: bytes | None = None
    ) -> httpx.Response:
        import httpx

        headers = {} if body is None else {"content-type": NDJSON}
        try:
            answer = self._http.request(
                method, path, params=_given(query), content=body, headers=headers
            )
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.status_code >= 400:
            raise _problem_of(answer)
        return answer

    def _unreachable(self, error: Exception) -> CheckFailed:
        reason = str(error) or type(error).__name__
        return CheckFailed(
            "unreachable",
            f"no node answers at {self.url}: {reason}",
            "start it with: tongzhang node HOME",
        )


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _problem_of(answer: httpx.Response) -> CliError:
    try:
        return _problem(msgspec.json.decode(answer.content))
    except (msgspec.DecodeError, KeyError, TypeError):
        return CheckFailed(
            "unexpected-answer",
            f"status {answer.status_code} without a problem document; is this a node's address?",
        )


def _problem(document: dict[str, Any]) -> CliError:
    code = str(document["code"])
    kind = UsageError if code in _WRONGLY_CALLED else CheckFailed
    return kind(code, str(document["detail"]), _NEXT_STEPS.get(code, ""))
