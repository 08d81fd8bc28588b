"""Deliveries as a consortium has them, from a process of its own: ``python -m`` this, FOLDER.

Four real nodes, records that become final, and what every interface then shows, printed as JSON.
It runs over a checkout into which the example was put.
"""

from __future__ import annotations

import html
import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx

import ledger
import views
from cli import main
from tests.api.api_kit import Consortium, applied, founded, post, raw
from web.site import SITE

SENT = {"delivery": "DL-1", "recipient": "funder", "contents": "=two signed copies"}


def state(running: Consortium) -> dict[str, Any]:
    """State deliveries, right and wrong, and return what came of it."""
    platform, funder = running.clients["platform"], running.clients["funder"]
    first = applied(platform, raw("delivery.sent", "s-1", **SENT))
    other = {**SENT, "delivery": "DL-2", "recipient": "auditor"}
    applied(platform, raw("delivery.sent", "s-2", **other))
    again = post(platform, raw("delivery.sent", "s-3", **SENT)).json()
    nobody = {**SENT, "delivery": "DL-3", "recipient": "nobody"}
    unknown = post(platform, raw("delivery.sent", "s-4", **nobody)).json()
    wrong = post(funder, raw("delivery.received", "f-1", delivery="DL-2")).json()
    last = applied(funder, raw("delivery.received", "f-2", delivery="DL-1"))
    return {"entry": first["entry"], "last_entry": last["entry"], "height": last["height"],
            "codes": [each["code"] for each in (again, unknown, wrong)]}  # fmt: skip


def shown(running: Consortium, height: int) -> dict[str, Any]:
    """Return what another party's node shows."""
    client, token = running.clients["auditor"], running.tokens["auditor"]

    def get(query: str) -> httpx.Response:
        mark = "&" if "?" in query else "?"
        answer = client.get(f"/v1/deliveries{query}{mark}min_height={height}")
        assert answer.status_code == 200, answer.text
        return answer

    def command(*words: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            assert main.run([*words, "--url", str(client.base_url), "--token", token]) == 0
        return out.getvalue()

    def page(path: str, language: str = "en") -> str:
        headers = {"accept": "text/html", "accept-language": language}
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return re.sub(r"<[^>]*>", "", html.unescape(answer.text))

    first = get("?limit=1")
    document = client.get("/openapi.json").json()
    return {
        "json": get("").json()["deliveries"],
        "received": get("?state=received").json()["deliveries"],
        "to auditor": get("?recipient=auditor").json()["deliveries"],
        "pages": [first.json()["deliveries"], client.get(first.links["next"]["url"]).json()],
        "csv": get("?format=csv").text,
        "unknown party": client.get("/v1/deliveries?recipient=nobody").json(),
        "table": command("deliveries"),
        "wide": command("deliveries", "--wide"),
        "chinese": command("--lang", "zh", "deliveries"),
        "command csv": command("deliveries", "--csv", "--state", "received"),
        "command json": json.loads(command("deliveries", "--json", "--recipient", "auditor")),
        "help": command("deliveries", "--help"),
        "route": document["paths"]["/v1/deliveries"]["get"],
        "schemas": sorted(document["components"]["schemas"]),
        "pages in words": {
            **{path: page(path) for path in ("/deliveries", "/chain/entries", "/", "/chain")},
            "chinese": page("/deliveries", "zh-CN"),
        },
        "state": [running.nodes[name].store.tip().state.hex() for name in running.nodes],
    }  # fmt: skip


if __name__ == "__main__":
    consortium = founded(Path(sys.argv[1]), site=SITE)
    try:
        stated = state(consortium)
        found = {"stated": stated, **shown(consortium, stated["height"])}
    finally:
        consortium.close()
    found["from"] = [str(Path(str(each.__file__)).parents[1]) for each in (ledger, views)]
    print(json.dumps(found))
