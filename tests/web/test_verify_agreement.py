"""Agreement of the browser's verifier with the ledger's: what one refuses, the other refuses.

The same cases run in Node, where there is one, and in Chromium.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.log.text import encode_base64
from tests.web.chromium_kit import chromium, served
from tests.web.tools_kit import CHROMIUM, NODE
from tests.web.verify_cases import ROOT, every

STATIC = ROOT / "web" / "static"
RUNNER = Path(__file__).with_name("verify_runner.js")

IN_NODE = """
import { readFileSync } from "node:fs";
import { run } from "./verify_runner.js";
console.log(JSON.stringify(run(JSON.parse(readFileSync("cases.json", "utf8")))));
"""
FILES = ("receipt", "checkpoint", "evidence", "genesis", "policy")

Verdicts = list[dict[str, Any]]


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    return every()


def laid_out(folder: Path, given: dict[str, Any]) -> Path:
    """Return a folder with the modules as they are shipped, the runner and the cases."""
    shutil.copytree(STATIC / "verify", folder / "static" / "verify")
    shutil.copytree(STATIC / "vendor", folder / "static" / "vendor")
    shutil.copy(RUNNER, folder)
    (folder / "package.json").write_text('{"type":"module"}')
    (folder / "cases.json").write_text(json.dumps(given))
    return folder


def accepted_differently(case: dict[str, Any], verdict: dict[str, Any]) -> str:
    """Return in what two verdicts differ, or nothing."""
    if bool(case["code"]) != bool(verdict["code"]):
        return f"the ledger says {case['code'] or 'good'}, the browser {verdict['code'] or 'good'}"
    if case["code"] != verdict["code"] and case["kind"] != "policy" and not _torn(case):
        return f"the ledger says {case['code']}, the browser {verdict['code']}"
    proved = verdict.get("proved", {})
    other = {name for name, fact in case.get("proved", {}).items() if proved.get(name) != fact}
    return f"other facts: {other}" if other else ""


def _torn(case: dict[str, Any]) -> bool:
    """Return whether a receipt's statement is no UTF-8.

    Python leaves the bytes of the entry unread there, and refuses the receipt by what comes next.
    """
    if case["kind"] != "receipt" or case["code"] not in {"bad-entry", "bad-inclusion-proof"}:
        return False
    lines = b64decode(case["bytes"]).decode().split("\n")
    try:
        b64decode(lines[1].removeprefix("extra ")).decode()
    except UnicodeDecodeError:
        return True
    return False


def assert_agreement(given: dict[str, Any], verdicts: Verdicts) -> None:
    cases = given["cases"]
    assert len(verdicts) == len(cases)
    wrong = {
        f"{case['kind']}: {case['name']}": found
        for case, verdict in zip(cases, verdicts, strict=True)
        if (found := accepted_differently(case, verdict))
    }
    assert not wrong


@pytest.fixture(scope="module")
def in_node(given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    if NODE is None:
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", IN_NODE],
        cwd=laid_out(folder, given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    verdicts: Verdicts = json.loads(done.stdout)
    return verdicts


def test_the_cases_hold_good_and_bad_of_each_kind(given: dict[str, Any]) -> None:
    found = Counter((case["kind"], bool(case["code"])) for case in given["cases"])
    assert {kind for kind, _ in found} >= {*FILES, "signature", "note", "proof", "canonical"}
    assert all(found[kind, False] >= 1 and found[kind, True] >= 2 for kind, _ in found)
    receipts = Counter(case["code"] for case in given["cases"] if case["kind"] == "receipt")
    assert receipts[""] > 40
    assert {
        "bad-inclusion-proof", "bad-signature", "no-quorum", "unsigned-checkpoint", "wrong-origin",
        "wrong-batch", "wrong-ledger", "unknown-party", "bad-entry", "no-statement", "not-text",
        "not-canonical", "duplicate-signature", "bad-proof-file", "bad-decimal", "bad-base64",
    } <= {*receipts}  # fmt: skip


def test_node_judges_every_case_as_the_ledger_does(
    given: dict[str, Any], in_node: Verdicts
) -> None:
    assert_agreement(given, in_node)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_judges_every_case_as_the_ledger_does(
    given: dict[str, Any], tmp_path: Path
) -> None:
    """Over plain HTTP, under the policy of the page: no inline script, no eval."""
    with served(laid_out(tmp_path, given)) as url, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{url}/cases.json")
        verdicts = page.evaluate(
            "async (given) => (await import('/verify_runner.js')).run(given)", given
        )
    assert_agreement(given, verdicts)


def test_a_failed_step_is_the_last_one_that_is_reached(in_node: Verdicts) -> None:
    whole = [verdict for verdict in in_node if verdict.get("steps")]
    assert len(whole) > 300
    for verdict in whole:
        states = [step["state"] for step in verdict["steps"]]
        if not verdict["code"]:
            assert set(states) == {"good"}, verdict["name"]
            continue
        at = states.index("bad")
        assert states == ["good"] * at + ["bad"] + ["skipped"] * (len(states) - at - 1)
        assert not any(step["facts"] for step in verdict["steps"][at + 1 :])


def test_a_file_is_known_by_its_content(given: dict[str, Any], in_node: Verdicts) -> None:
    good = {
        case["name"]: (case["kind"], verdict["kind"])
        for case, verdict in zip(given["cases"], in_node, strict=True)
        if case["kind"] in FILES and not case["code"]
    }
    assert {said for said, _ in good.values()} == {*FILES}
    assert {name: found for name, found in good.items() if found[0] != found[1]} == {}


def test_scripts_of_others_are_the_files_that_the_readme_names() -> None:
    folder = STATIC / "vendor"
    named = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(), re.M)
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert [(sha256(path.read_bytes()).hexdigest(), str(path.relative_to(folder))) for path in found
            if path.name != "README.md"] == named  # fmt: skip
    folders = {name.partition("/")[0] for _, name in named}
    assert all(f"| `{each}` |" in (folder / "README.md").read_text() for each in folders)


@pytest.mark.parametrize("kind", ["good", "code", "fact"])
def test_a_verdict_that_differs_is_found(kind: str) -> None:
    case = {"kind": "receipt", "bytes": encode_base64(b"x"), "code": "", "proved": {"size": "3"}}
    if kind == "good":
        assert accepted_differently(case, {"code": "bad-signature"})
    elif kind == "code":
        refused = {"kind": "receipt", "bytes": case["bytes"], "code": "bad-note"}
        assert accepted_differently(refused, {"code": "bad-decimal"})
        assert not accepted_differently(refused, {"code": "bad-note"})
    else:
        assert accepted_differently(case, {"code": "", "proved": {"size": "4"}})
        assert not accepted_differently(case, {"code": "", "proved": {"size": "3"}})
