"""Said once, shown everywhere: a field of a view is one line, as ``docs/reading.md`` says.

The test does what that page tells its reader: it takes the views as they are, adds one line, and
looks at every interface. The row of a refund has a platform that its view does not show.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.contracts.refunds import Refund
from views.refunds import RefundView

ROOT = Path(__file__).resolve().parents[2]
READING = (ROOT / "docs" / "reading.md").read_text("utf-8")
AFTER = "    reason: Reason\n"
LINE = '    platform: Annotated[str, Label("platform", "平台")]\n'
FIELD, VALUE = "platform", "platform"


def changed(folder: Path, line: str) -> Path:
    """Return a folder with a copy of the views, in which a line was added to those of refunds."""
    views = shutil.copytree(ROOT / "views", folder / "views")
    path = views / "refunds.py"
    before = path.read_text("utf-8")
    assert before.count(AFTER) == 1
    path.write_text(before.replace(AFTER, AFTER + line), "utf-8")
    added = set(path.read_text("utf-8").splitlines()) - set(before.splitlines())
    assert added == set(line.splitlines())
    return folder


def shown_with(folder: Path) -> dict[str, Any]:
    """Return what every interface shows of refunds, with the views of a folder."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "COLUMNS": "400"}
    command = [sys.executable, "-m", "tests.views.shown_everywhere", str(folder / "ledger")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["views"] == str(folder / "views")
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return shown_with(changed(tmp_path_factory.mktemp("before"), ""))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return shown_with(changed(tmp_path_factory.mktemp("after"), LINE))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_the_field_is_one_that_the_row_has_and_the_view_lacks() -> None:
    assert FIELD in Refund.__struct_fields__
    assert FIELD not in RefundView.__struct_fields__


def test_the_page_that_tells_how_has_this_very_line() -> None:
    assert LINE.strip() in READING


@pytest.mark.parametrize("form", ["json", "payment", "command json"])
def test_one_line_shows_a_field_in_json(
    form: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert after[form] == [{**item, FIELD: VALUE} for item in before[form]]
    assert not [item for item in before[form] if FIELD in item]


@pytest.mark.parametrize("form", ["csv", "command csv"])
def test_one_line_shows_a_field_in_csv(
    form: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert rows(after[form]) == [{**row, FIELD: VALUE} for row in rows(before[form])]
    assert rows(before[form])


def test_one_line_shows_a_field_in_the_table(before: dict[str, Any], after: dict[str, Any]) -> None:
    def heads(form: str, found: dict[str, Any]) -> list[str]:
        return str(next(filter(str.strip, found[form].splitlines()))).split()

    assert FIELD not in heads("table", before)
    assert heads("table", after).count(FIELD) == 1
    assert "平台" not in heads("chinese", before)
    assert heads("chinese", after).count("平台") == 1


def test_one_line_shows_a_field_on_the_page(before: dict[str, Any], after: dict[str, Any]) -> None:
    def heads(found: dict[str, Any]) -> list[str]:
        return re.findall(r"<th[^>]*>\s*([^<]*?)\s*<", found["page"])

    assert FIELD not in heads(before)
    assert heads(after).count(FIELD) == 1


def test_one_line_describes_a_field(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert after["openapi"]["properties"] == {
        **before["openapi"]["properties"],
        FIELD: {"type": "string"},
    }
    assert sorted(after["openapi"]["required"]) == sorted([*before["openapi"]["required"], FIELD])
