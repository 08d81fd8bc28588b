"""The guide to a new business is followed to the letter, and leads to what it promises."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from views.sentences import plain, sentence

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
GUIDE = (ROOT / "docs" / "add-a-business.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {
    "ledger/contracts/deliveries.py": HERE / "deliveries.py",
    "views/deliveries.py": HERE / "delivery_views.py",
}
LINES_MAX = 40
"""Lines of a new list outside its contract, blank ones and documentation aside."""
CHANGED = {
    "ledger/contracts/__init__.py": 2,
    "views/listings.py": 2,
    "cli/commands.py": 1,
    "views/sentence_texts.py": 4,
    "views/refusal_words.py": 3,
}
"""Lines added to files that are there; with those of the first three it works."""


def blocks(language: str) -> list[str]:
    return [body for name, body in FENCE.findall(GUIDE) if name == language]


def put(diff: str, folder: Path) -> None:
    """Put the lines that a block adds to a file where it says."""
    head, *lines = diff.splitlines(keepends=True)
    path = folder / head.removeprefix("--- ").strip()
    before = "".join(line[1:] for line in lines if line[0] == " ")
    after = "".join(line[1:] for line in lines)
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path.name} has not once:\n{before}"
    path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the product into which the example was put as the guide says."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in ("ledger", "views", "cli"):
        shutil.copytree(ROOT / package, folder / package)
    for (name, source), body in zip(FILES.items(), blocks("python"), strict=True):
        assert source.read_text("utf-8") == body, f"the guide has another {name}"
        (folder / name).write_text(body, "utf-8")
    for diff in blocks("diff"):
        put(diff, folder)
    return folder


def ran(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{checkout}{os.pathsep}{ROOT}", "COLUMNS": "200"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)


def run(checkout: Path, *words: str) -> str:
    done = ran(checkout, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said_by_tests(checkout: Path, *words: str) -> str:
    """Return what tests of this checkout say of the product with the example in it."""
    code = (
        "import sys, pytest, cli.commands, ledger.contracts, views.listings\n"
        "pytest.main(['-p', 'no:cacheprovider', '-o', 'addopts=-q -rfE', *sys.argv[1:]])"
    )
    return run(checkout, "-c", code, *words)


@pytest.fixture(scope="module")
def found(checkout: Path) -> dict[str, Any]:
    printed = run(checkout, "-m", "tests.example_business.follow", str(checkout / "net"))
    shown: dict[str, Any] = json.loads(printed)
    assert shown["from"] == [str(checkout)] * 2
    return shown


def test_the_guide_names_its_files_above_their_blocks() -> None:
    for name, body in zip(FILES, blocks("python"), strict=True):
        assert f"`{name}`" in GUIDE[: GUIDE.index(body)]


def test_records_become_final_and_wrong_ones_are_refused(found: dict[str, Any]) -> None:
    assert found["stated"]["codes"] == ["delivery-exists", "unknown-party", "wrong-author"]
    assert len(set(found["state"])) == 1, "all nodes computed one state"


def test_the_list_is_had_as_json_filtered_and_page_after_page(found: dict[str, Any]) -> None:
    first, second = found["json"]
    assert first == {
        "delivery": "DL-1",
        "recipient": "funder",
        "contents": "=two signed copies",
        "state": "received",
        "entry": found["stated"]["entry"],
        "last_entry": found["stated"]["last_entry"],
    }
    assert second["state"] == "sent"
    assert (found["received"], found["to auditor"]) == ([first], [second])
    assert found["pages"] == [[first], {"deliveries": [second]}]
    assert found["unknown party"]["code"] == "no-such-party"


def test_the_list_is_had_as_csv_from_node_and_command(found: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    assert [row["contents"] for row in rows] == ["'=two signed copies"] * 2
    text = found["command csv"].removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["to"], row["state"]) == ("funder", "received")
    assert row["contents"] == "'=two signed copies"


def test_the_command_has_table_help_and_chinese(found: dict[str, Any]) -> None:
    heads = found["table"].split("─")[0].split()
    assert heads == ["delivery", "to", "state", "contents"]
    assert "last entry" in found["wide"]
    assert all(word in found["chinese"] for word in ("寄送", "收件方", "已寄出", "已签收"))
    assert all(option in found["help"] for option in ("--recipient", "--state", "--csv", "--wide"))
    assert [each["delivery"] for each in found["command json"]["deliveries"]] == ["DL-2"]


def test_the_pages_show_list_and_records_in_words(found: dict[str, Any]) -> None:
    pages = found["pages in words"]
    assert all(word in pages["/deliveries"] for word in ("DL-1", "=two signed copies", "received"))
    entries = pages["/chain/entries"]
    assert "sent DL-1 to funder: =two signed copies" in entries
    assert "received DL-1" in entries
    assert "寄送" in pages["chinese"]


def test_a_record_without_a_sentence_is_shown_by_its_type() -> None:
    assert plain(sentence("delivery.sent", {"delivery": "DL-1"})) == "delivery.sent"


def test_openapi_describes_records_and_list(found: dict[str, Any]) -> None:
    schemas = {"DeliverySent", "DeliveryReceived", "DeliveryView", "DeliveryPage"}
    assert schemas <= set(found["schemas"])
    names = [each["name"] for each in found["route"]["parameters"]]
    assert names[:2] == ["recipient", "state"]


def test_the_list_is_few_lines_outside_its_contract() -> None:
    view = [line for line in blocks("python")[1].splitlines() if line.strip()]
    assert len(view) + CHANGED["views/listings.py"] + CHANGED["cli/commands.py"] < LINES_MAX


def test_two_files_and_five_lines_make_a_business_and_seven_its_words() -> None:
    """ADR 39: what has to be changed counts, not how many texts name it."""
    counted: Counter[str] = Counter()
    for diff in blocks("diff"):
        head, *lines = diff.splitlines()
        counted[head.removeprefix("--- ")] += sum(line[0] == "+" for line in lines)
    assert (len(FILES), dict(counted)) == (2, CHANGED)


def test_the_house_holds_for_the_example(checkout: Path) -> None:
    """What holds for every list of the product holds for this one: labels, words, walks."""
    tests = [str(ROOT / "tests" / "views" / f"test_{name}.py") for name in ("labels", "listings")]
    said = said_by_tests(checkout, *tests, "-k", "not explained and not manual")
    assert "passed" in said
    assert "FAILED" not in said
    run(checkout, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), *FILES)


ASKED_FOR = (
    "ledger/test_records.py::test_there_is_a_sample_of_every_type",
    "ledger/test_refusals.py::test_every_refusal_code_in_the_source_is_produced_by_a_test",
    "ledger/test_refusals.py::test_the_documentation_names_every_record_type_and_every_code",
    "ledger/test_refusals.py::test_every_rule_but_those_open_to_any_role_names_its_authors",
    "ledger/test_refusals.py::test_an_auditor_may_state_no_record_of_another_role",
    "simulator/test_workload.py::test_every_type_has_refusals_and_every_refusal_a_move_that_is_after_it",
    "tools/test_records_table.py::test_every_row_names_all_codes_of_its_type",
    "tools/test_docs.py::test_every_record_type_is_documented_with_its_author",
    "api/test_openapi.py::test_every_route_is_in_the_manual",
    "views/test_listings.py::test_the_manual_has_a_row_for_the_list_and_names_its_filters",
    "views/test_listings.py::test_the_plan_of_its_queries_is_explained",
    "views/test_replayed_views.py::test_the_days_are_of_every_kind_of_business",
    "tools/test_catalogue.py::test_no_translation_is_missing_or_stale",
    "web/test_whole_site.py::test_the_walk_meets_every_free_text_that_records_have",
    "cli/test_cli.py::test_reference_is_what_the_commands_say",
)
"""What fails until the last table of the guide is done, too."""
WHOLE = (
    "ledger/test_records.py",
    "ledger/test_refusals.py",
    "api/test_openapi.py",
    "views/test_sentences.py",
)
"""Files all of whose tests are run: what else fails in them is missing above, and in the guide."""


def test_tests_ask_for_what_the_guide_says_last(checkout: Path) -> None:
    single = [name for name in ASKED_FOR if not name.startswith(WHOLE)]
    said = said_by_tests(checkout, *(str(ROOT / "tests" / name) for name in (*WHOLE, *single)))
    failed = set(re.findall(r"^FAILED \S*?tests/(\S+?)(?:\[| |$)", said, re.MULTILINE))
    assert failed == set(ASKED_FOR)
    assert "ERROR" not in said


def test_the_last_table_names_the_files_that_ask() -> None:
    table = GUIDE.partition("## 5.")[2].partition("## Further")[0]
    files = {f"tests/{name.partition('::')[0]}" for name in ASKED_FOR}
    generated = {"tests/tools/test_docs.py"}  # which compares contracts.md, named by its generator
    assert not [name for name in files - generated if f"`{name}`" not in table]
    paths = re.findall(r"`((?:tests|simulator)/[\w/.]+)`", table)
    sources = [
        path / "__init__.py" if path.is_dir() else path for path in map(ROOT.joinpath, paths)
    ]
    source = "".join(path.read_text("utf-8") for path in sources)
    names = re.findall(r"`([A-Z_]+)`", table)
    assert not [name for name in names if not re.search(rf"^{name}\b.* = ", source, re.MULTILINE)]
