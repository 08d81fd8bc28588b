"""Mainland China's calendar as shipped: ``python -m tests.ledger.mainland cli/calendars/cn.json``.

The days come from the lists of `chinesecalendar`, the notices that decided them stand beside them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.ledger.calendar_kit import FIRST, LAST, mainland

NOTICES = {
    2018: ("国办发明电〔2017〕12号", "国办发明电〔2018〕15号"),
    2019: ("国办发明电〔2018〕15号", "国办发明电〔2019〕3号"),
    2020: ("国办发明电〔2019〕16号", "国办发明电〔2020〕1号"),
    2021: ("国办发明电〔2020〕27号",),
    2022: ("国办发明电〔2021〕11号",),
    2023: ("国办发明电〔2022〕16号",),
    2024: ("国办发明电〔2023〕7号",),
    2025: ("国办发明电〔2024〕12号",),
    2026: ("国办发明电〔2025〕7号",),
}
"""The notices of the General Office of the State Council that decided a year's days."""


def page() -> str:
    """Return the file: a year a line."""
    years = []
    for year in range(FIRST.year, LAST.year + 1):
        found = mainland(range(year, year + 1))
        days = {"holidays": found.holidays, "workdays": found.workdays}
        years.append({"year": year, "source": NOTICES[year], **days})
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in years)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
