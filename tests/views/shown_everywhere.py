"""Refunds as every interface shows them, from a process of its own: ``python -m`` this, FOLDER.

It prints them as JSON, so that a test can have it run over other views than those of this checkout.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import views
from cli import main
from tests.api.queries_kit import Kept, month
from web.site import SITE

QUESTION = "/v1/refunds?payment=P1"
COMMAND = ("refunds", "--payment", "P1")


def shown(kept: Kept) -> dict[str, Any]:
    """Return what there is of refunds in every form."""

    def command(*words: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            assert main.run([*words, "--url", kept.server.url, "--token", kept.token]) == 0
        return out.getvalue()

    return {
        "views": str(Path(str(views.__file__)).parent),
        "json": kept.get(QUESTION)["refunds"],
        "payment": kept.get("/v1/payments/P1")["refunds"],
        "csv": kept.client.get(f"{QUESTION}&format=csv").text,
        "openapi": kept.get("/openapi.json")["components"]["schemas"]["RefundView"],
        "page": kept.client.get(
            "/refunds?payment=P1&columns=all", headers={"accept": "text/html"}
        ).text,
        "table": command(*COMMAND, "--wide"),
        "command json": json.loads(command(*COMMAND, "--json"))["refunds"],
        "command csv": command(*COMMAND, "--csv"),
        "chinese": command("--lang", "zh", *COMMAND, "--wide"),
    }


if __name__ == "__main__":
    Kept.SITE = SITE
    ledger = month(Path(sys.argv[1]))
    try:
        found = shown(ledger)
    finally:
        ledger.close()
    print(json.dumps(found))
