"""Every view there is, as the tests of this folder go over them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, get_args

import msgspec
from msgspec import NODEFAULT

import views
from views.view import ViewStruct

for module in walk_packages(views.__path__, "views."):
    import_module(module.name)


def _below(kind: type[ViewStruct]) -> Iterator[type[ViewStruct]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _is_shown(view: type[msgspec.Struct]) -> bool:
    """Return whether a struct is a view of the product, and no page of a list, which is made."""
    return view.__module__.startswith("views.") and view.__module__ != "views.listing"


VIEWS = sorted(filter(_is_shown, _below(ViewStruct)), key=lambda view: view.__name__)


def structs_in(annotation: Any) -> set[type[msgspec.Struct]]:
    """Return the structs that an annotation speaks of, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {annotation}
    parts = (structs_in(part) for part in get_args(annotation))
    return {struct for found in parts for struct in found}


def empty_values(view: type[msgspec.Struct]) -> dict[str, Any]:
    """Return by field the value with which it is left out."""
    fields = msgspec.structs.fields(view)
    made = {f.name: f.default_factory() for f in fields if f.default_factory is not NODEFAULT}
    return made | {f.name: f.default for f in fields if f.default is not NODEFAULT}
