"""Texts of records: all of many records are checked at once against the forms of their fields.

A field whose type is made with :func:`of_form` is any text for msgspec, which would search for a
pattern in one text after the other. Here they are joined by newlines and matched by one pattern.
No form lets a newline through, and as many as join them are counted: so all together fit if, and
only if, each does. The type that :func:`strict` makes has the patterns, and says of a record what
is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from ledger import forms

_FORM = "form"


def of_form(form: str, description: str, chars_max: int, chars_min: int | None = None) -> Meta:
    """Return what a text has to be like that :class:`Texts` checks.

    Args:
        form: A pattern of :mod:`ledger.forms`.
        description: What it is, for schemas.
        chars_max: Its greatest length, in characters.
        chars_min: Its least length.
    """
    return Meta(
        min_length=chars_min,
        max_length=chars_max,
        description=description,
        extra_json_schema={"pattern": forms.shut(form)},
        extra={_FORM: form},
    )


class Texts:
    """The texts with a form in structs of one type, those in structs inside them included.

    Args:
        kind: The type.

    Raises:
        TypeError: such a text stands where it is not found here.
    """

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        names: list[str] = []
        patterns: list[str] = []
        self._count: int
        self._inner: list[tuple[Callable[[Any], Any], Texts]] = []
        for field in msgspec.structs.fields(kind):
            form, inner = _form(field.type), _struct(field.type)
            if form:
                names.append(field.name)
                patterns.append(_pattern(form, field))
            elif inner is not None:
                texts = Texts(inner)
                if texts._count or texts._inner:
                    self._inner.append((attrgetter(field.name), texts))
            elif any(map(_form, _parts(field.type))):
                raise TypeError(f"{kind.__name__}.{field.name} has a form that nothing checks")
        self._count = len(names)
        self._read: Any = attrgetter(*names) if names else None
        item = "\n".join(patterns)
        self._match = re.compile(rf"{item}(?:\n{item})*").fullmatch

    def fit(self, structs: Sequence[msgspec.Struct]) -> bool:
        """Return whether every text in them, of which there is one at least, has its form."""
        if self._count:
            found = map(self._read, structs)
            joined = "\n".join(found if self._count == 1 else chain.from_iterable(found))
            newlines = self._count * len(structs) - 1  # more of them are in a text
            if joined.count("\n") != newlines or self._match(joined) is None:
                return False
        for read, texts in self._inner:
            inside = [each for value in map(read, structs) if value for each in _several(value)]
            if inside and not texts.fit(inside):
                return False
        return True


def _several(value: Any) -> tuple[msgspec.Struct, ...]:
    return value if isinstance(value, tuple) else (value,)


def _pattern(form: str, field: FieldInfo) -> str:
    """Return the pattern of a field: what is left out is empty, whatever the form."""
    plain = form.removeprefix("^").removesuffix("$")
    return f"(?:{plain})" if field.required else f"(?:{plain})?"


def _form(kind: Any) -> str:
    """Return the form of a text, or nothing."""
    if get_origin(kind) is not Annotated:
        return ""
    base, *metas = get_args(kind)
    found = [str(each.extra[_FORM]) for each in metas if each.extra and _FORM in each.extra]
    return found[0] if found and base is str else ""


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """Return the type of struct of which a field holds one, or none, or several."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    known = [each for each in get_args(kind) or (kind,) if each not in {type(None), ...}]
    single = known[0] if len(known) == 1 else None
    return single if isinstance(single, type) and issubclass(single, msgspec.Struct) else None


def _parts(kind: Any) -> Iterator[Any]:
    """Yield a type and all types within it."""
    yield kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield from _parts(field.type)
    for part in get_args(kind):
        yield from _parts(part)


@cache
def strict(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the same type of struct with the pattern of every form in its fields' types.

    A decoder of it accepts what one of ``kind`` accepts, if :class:`Texts` does, too.
    """
    fields = [
        (each.name, _strict(each.type), *(() if each.required else (each.default,)))
        for each in msgspec.structs.fields(kind)
    ]
    config = kind.__struct_config__
    return msgspec.defstruct(
        kind.__name__,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=config.forbid_unknown_fields,
        omit_defaults=config.omit_defaults,
        tag_field=config.tag_field,
        tag=config.tag,
        gc=False,
    )


def _strict(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return strict(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(_strict(parts[0]), *map(_with_pattern, parts[1:]))]
    if origin is tuple:
        inner = tuple([each if each is ... else _strict(each) for each in parts])
        return tuple.__class_getitem__(inner)
    if origin in {Union, UnionType}:
        return Union[tuple(map(_strict, parts))]  # noqa: UP007
    return kind


def _with_pattern(meta: Meta) -> Meta:
    if not meta.extra or _FORM not in meta.extra:
        return meta
    return Meta(
        pattern=forms.shut(meta.extra[_FORM]),
        min_length=meta.min_length,
        max_length=meta.max_length,
        description=meta.description,
    )
