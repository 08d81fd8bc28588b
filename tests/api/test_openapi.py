"""The interface describes itself: schemas resolve, and every record type has a true example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import build_app
from api.callers import OPEN
from api.draining import Draining
from ledger.contracts import RECORD_TYPES
from ledger.genesis import Role
from node.home.founding import create_consortium
from node.node import Node
from node.storage.store import Store
from tests.api.queries_kit import Kept

METHODS = {"get", "post"}
PUBLIC = {"/livez", "/readyz"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    directory = tmp_path_factory.mktemp("openapi") / "homes"
    roles: list[tuple[str, Role]] = [("platform", "platform"), ("institution", "institution")]
    home = create_consortium(directory, roles, 2)["platform"]
    store = Store("sqlite://", home.genesis, party="platform")
    yield build_app(Node(home, store), Draining()).openapi()
    store.close()


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_the_document_has_the_shape_of_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["info"]) >= {"title", "version"}
    identifiers = []
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["summary"]
        assert operation["description"]
        success = [each for status, each in operation["responses"].items() if status[0] == "2"]
        assert success and all(each["content"] for each in success)
        for each in success:
            assert {} not in [content["schema"] for content in each["content"].values()]
        identifiers.append(operation["operationId"])
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == {part[1:-1].partition(":")[0] for part in path.split("/") if "{" in part}
    assert len(set(identifiers)) == len(identifiers)


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    found = set(references(document))
    assert found
    for reference in found:
        prefix, _, name = reference.rpartition("/")
        assert prefix == "#/components/schemas"
        assert name in schemas


def test_every_record_type_is_described_and_exemplified(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for record in RECORD_TYPES.values():
        schema = schemas[record.__name__]
        assert schema["properties"]["type"]
        assert schema["description"]
    body = document["paths"]["/v1/records"]["post"]["requestBody"]["content"]
    assert set(body["application/json"]["examples"]) == set(RECORD_TYPES)
    union = schemas["Record"]
    assert len(union["anyOf"]) == len(RECORD_TYPES)


def test_errors_are_described_as_problem_documents(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "default" or status >= "400":
                assert set(response["content"]) == {"application/problem+json"}
        if path not in PUBLIC:
            assert not path.startswith(OPEN), "wrong tokens are not counted there"
            assert {"400", "401", "403", "429"} <= set(operation["responses"])


def test_operations_that_need_a_token_say_so(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]
    assert [each["scheme"] for each in scheme.values()] == ["bearer"]
    for path, _, operation in operations(document):
        assert bool(operation.get("security")) == (path not in PUBLIC)


def test_every_route_is_in_the_manual(document: dict[str, Any]) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    for path, _, _ in operations(document):
        shown = path.partition("{path")[0]
        assert shown in manual, f"docs/api.md does not mention {path}"


def test_the_document_is_served_as_the_same_bytes_with_a_tag(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    try:
        url = f"{kept.server.url}/openapi.json"
        first = httpx.get(url)
        app = build_app(Node(kept.homes["auditor"], kept.store), Draining())
        assert (first.status_code, first.json()) == (200, app.openapi())
        assert first.headers["content-type"] == "application/json"
        tag = first.headers["etag"]
        for given, status, body in (('"other"', 200, first.content), (tag, 304, b"")):
            again = httpx.get(url, headers={"if-none-match": given})
            assert (again.status_code, again.content) == (status, body)
            assert again.headers["etag"] == tag
        other = httpx.post(url)
        assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD")
    finally:
        kept.close()


def test_lists_say_what_each_item_is(document: dict[str, Any]) -> None:
    """Generators of clients know ``items`` that are a schema, and little else."""
    found = []

    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "array":
                found.append(schema)
            for each in schema.values():
                walk(each)
        elif isinstance(schema, list):
            for each in schema:
                walk(each)

    walk(document["components"]["schemas"])
    assert len(found) > 50
    assert [each for each in found if not isinstance(each.get("items"), dict)] == []
    assert not any("prefixItems" in each for each in found)
    statements = document["components"]["schemas"]["EvidenceFile"]["properties"]["statements"]
    assert statements["items"]["$ref"].endswith("/Statement")
    assert (statements["minItems"], statements["maxItems"]) == (2, 2)
