"""The interface's own description: OpenAPI 3.1 with the schemas that the decoders use.

Records and answers are msgspec structs; their schemas are taken from the structs themselves, so
that what is documented is what is checked.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any, Union

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.problems import MEDIA_TYPE, TABLE
from api.results import RecordResult
from ledger import canonical
from ledger.contracts import EXAMPLES, RECORD_TYPES
from ledger.errors import URN

JSON = "application/json"
NDJSON = "application/x-ndjson"
TEXT = "text/plain"
CSV = "text/csv"

_REF = "#/components/schemas/{name}"
_TOKEN_CODES = ("bad-parameter", "no-token", "bad-token", "wrong-scope", "too-many-guesses")
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token made by `tongzhang token create`.",
}
_described: set[type] = {RecordResult}


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457). ``definite`` says whether the outcome is known."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    definite: bool


def describe(
    answer: type[msgspec.Struct], *codes: str, public: bool = False, status: int = 200
) -> dict[str, Any]:
    """Return the keyword arguments by which a route is documented.

    Args:
        answer: The struct that it answers with.
        codes: Codes of problems that are particular to the route.
        public: Whether it needs no token.
        status: Of a success.
    """
    _described.add(answer)
    content = {JSON: {"schema": reference(answer)}}
    return _described_as(content, codes if public else (*codes, *_TOKEN_CODES), status)


def describe_list(page: type[msgspec.Struct], *codes: str) -> dict[str, Any]:
    """Return the keyword arguments that document a list, which is had as JSON or as CSV.

    Args:
        page: The struct of one page.
        codes: Codes of problems that are particular to the route.
    """
    _described.add(page)
    content = {JSON: {"schema": reference(page)}, CSV: {"schema": {"type": "string"}}}
    return _described_as(content, (*codes, *_TOKEN_CODES))


def describe_content(media_type: str, *codes: str) -> dict[str, Any]:
    """Return the keyword arguments that document a route which answers with no struct."""
    schema = {"type": "object"} if media_type == JSON else {"type": "string"}
    described = _described_as({media_type: {"schema": schema}}, (*codes, *_TOKEN_CODES))
    return {**described, "response_class": Response}  # else FastAPI would add JSON to it


def reference(struct: type) -> dict[str, Any]:
    """Return the reference to a struct's schema."""
    return {"$ref": _REF.format(name=struct.__name__)}


class Description:
    """The document of an application as bytes, made when it is first asked for.

    Making it takes a few tenths of a second, which the node's loop must not wait for.

    Args:
        app: The application.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._raw, self._tag = b"", ""
        self._making = asyncio.Lock()

    async def show(self, request: Request) -> Response:
        """Return the document, or that it is the one which the client has."""
        async with self._making:
            if not self._raw:
                self._raw = await run_in_threadpool(self._make)
                self._tag = f'"{sha256(self._raw).hexdigest()[:32]}"'
        headers = {"etag": self._tag}
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._raw, media_type=JSON, headers=headers)

    def _make(self) -> bytes:
        return msgspec.json.encode(self._app.openapi())


def install(app: FastAPI) -> None:
    """Make ``app`` describe itself with the schemas of records and answers."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_route("/openapi.json", Description(app).show, ["GET"], include_in_schema=False)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of ``app``."""
    schema = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    records = tuple(RECORD_TYPES.values())
    answers = sorted(_described, key=lambda struct: struct.__name__)
    _, components = msgspec.json.schema_components(
        [*records, *answers, ProblemDocument], ref_template=_REF
    )
    for answer in components.keys() - {each.__name__ for each in records}:
        for field in components[answer].get("properties", {}).values():
            field.pop("default", None)  # what is left out is nothing, whatever stands for it here
    components["Record"] = _record_schema()
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    plain = msgspec.json.decode(msgspec.json.encode(components))  # a default may be a tuple
    _say_pairs_plainly(plain)
    schemas.update(sorted(plain.items()))
    schema["components"]["securitySchemes"] = {"token": _BEARER}
    for operations in schema["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return schema


def _say_pairs_plainly(schema: Any) -> None:
    """Say of lists of so many equal items just that: few generators know ``prefixItems``."""
    if isinstance(schema, dict):
        first, *others = schema.get("prefixItems") or [None]
        if first is not None and schema.get("items") is False and others == [first] * len(others):
            del schema["prefixItems"]
            schema["items"] = first
    if isinstance(schema, dict | list):
        for inner in schema.values() if isinstance(schema, dict) else schema:
            _say_pairs_plainly(inner)


def _complete(operation: dict[str, Any]) -> None:
    """Say that a token is needed, and drop what is not so.

    A bad parameter is a problem and not FastAPI's 422. What is left out is empty in our code, but
    no request may say so.
    """
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].get("default") == "":
            del parameter["schema"]["default"]
    if "401" in answers:
        operation["security"] = [{"token": []}]


def _record_schema() -> dict[str, Any]:
    ((schema,), _) = msgspec.json.schema_components(
        [Union[tuple(RECORD_TYPES.values())]],  # noqa: UP007
        ref_template=_REF,
    )
    return {
        "title": "Record",
        "description": "A record in canonical form (RFC 8785): sorted keys, no white space.",
        **schema,
    }


def _described_as(
    content: dict[str, Any], codes: tuple[str, ...], status: int = 200
) -> dict[str, Any]:
    success = {"description": "Success", "content": content}
    return {"response_model": None, "responses": {status: success, **_problems(codes)}}


def _problems(codes: tuple[str, ...]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(TABLE[code][0], []).append(code)
    answers: dict[int | str, dict[str, Any]] = {
        status: _problem(", ".join(f"`{code}`" for code in found))
        for status, found in sorted(by_status.items())
    }
    answers["default"] = _problem(f"A problem document; its type is `{URN}<code>`")
    return answers


def _problem(description: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": reference(ProblemDocument)}}
    return {"description": description, "content": content}


def _one_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "array", "items": schema}]}


def _submission() -> dict[str, Any]:
    record = {"$ref": _REF.format(name="Record")}
    result = reference(RecordResult)
    values = {name: canonical.encode(example) for name, example in EXAMPLES.items()}
    examples = {
        name: {"summary": name, "value": canonical.parse(value)} for name, value in values.items()
    }
    lines = "\n".join(values[name].decode() for name in ("split.instructed", "payment.captured"))
    body = {
        JSON: {"schema": _one_of(record), "examples": examples},
        NDJSON: {"schema": {"type": "string"}, "example": lines},
    }
    success = {JSON: {"schema": _one_of(result)}, NDJSON: {"schema": result}}
    queued = {
        "description": "The outcome is not known yet; submit the same bytes again, or ask.",
        "headers": {"Location": {"schema": {"type": "string"}}},
        "content": {JSON: {"schema": result}},
    }
    codes = (
        "refused-in-log",
        "id-reused",
        "body-too-large",
        "too-many-records",
        "unsupported-media-type",
        "refused",
        "busy",
        "stopping",
        *_TOKEN_CODES,
    )
    return {
        "response_model": None,
        "openapi_extra": {"requestBody": {"required": True, "content": body}},
        "responses": {
            200: {"description": "Final and applied; or a list of results", "content": success},
            202: queued,
            **_problems(codes),
        },
    }


SUBMISSION = _submission()
"""How the route that takes records is documented."""
