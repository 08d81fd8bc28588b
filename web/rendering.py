"""Templates: where they are, and what all of them may use.

Every value is escaped, and what would steer a reader's eye (controls, marks of direction) is
written out, so that the text of a record is text and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from views import cells, texts
from views.texts import gettext, harmless
from web import charts, files, values

FOLDER = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )
    made.globals |= {
        "_": gettext,
        "language": texts.language,
        "static": files.address,
        "zone": cells.zone,
        "quote": lambda text: quote(text, safe=""),
        **values.FUNCTIONS,
        **charts.FUNCTIONS,
    }
    return made


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with values, in the chosen language and style."""
    return environment().get_template(template).render(values)


def _inert(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return harmless(value)
    return value
