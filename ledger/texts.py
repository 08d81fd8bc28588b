"""Texts of records: all of many records are checked at once against the forms of their fields.

A field whose type is made with :func:`of_form` is any text for msgspec, which would search for a
pattern in one text after the other. Here all identifiers are joined by newlines, which none may
hold, and looked at as one text; that no text of one line holds a control character is seen in the
canonical bytes. The type that :func:`strict` makes has the patterns, and says of a record what is
wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from ledger import forms

_FORM = "form"


def of_form(form: str, description: str, chars_max: int, chars_min: int | None = None) -> Meta:
    """Return what a text has to be like that is checked here.

    Args:
        form: ``forms.IDENTIFIER`` or ``forms.LINE``.
        description: What it is, for schemas.
        chars_max: Its greatest length, in characters: no form bounds it here.
        chars_min: Its least length; a line has one.
    """
    return Meta(
        min_length=chars_min,
        max_length=chars_max,
        description=description,
        extra_json_schema={"pattern": forms.shut(form)},
        extra={_FORM: form},
    )


_FIRST, _LATER, _NEVER = b"fl!"


def _place(sign: str) -> int:
    """Return where in an identifier a sign may stand; the newline between two stays itself."""
    if sign == "\n":
        return ord(sign)
    if re.search(forms.shut(forms.IDENTIFIER), sign):
        return _FIRST
    return _LATER if re.search(forms.shut(forms.IDENTIFIER), "a" + sign) else _NEVER


_PLACES = bytes(map(_place, map(chr, range(256))))


def are_identifiers(texts: Sequence[str]) -> bool:
    """Return whether each text is an identifier, but for its length."""
    joined = "\n".join(("", *texts))
    if not joined.isascii() or joined.count("\n") != len(texts):
        return False
    places = joined.encode().translate(_PLACES)
    return _NEVER not in places and places.count(b"\n%c" % _FIRST) == len(texts)


def are_lines(raw: bytes) -> bool:
    """Return whether no text in canonical JSON, or in lines of it, holds a control character.

    Those are escaped there, and besides them only the quote and the backslash; all but the last.
    """
    if b"\x7f" in raw:
        return False
    return b"\\" not in raw or b"\\" not in raw.replace(rb"\\", b"").replace(rb"\"", b"")


class Identifiers:
    """The identifiers in structs of one type, those in structs inside them included.

    Args:
        kind: The type.

    Raises:
        TypeError: a text with a form stands where it is not found here.
    """

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        self._fields: list[Callable[[Any], Any]] = []
        self._left_out: list[Callable[[Any], Any]] = []
        self._inner: list[tuple[Callable[[Any], Any], Identifiers]] = []
        for field in msgspec.structs.fields(kind):
            read, form, inner = attrgetter(field.name), _form(field.type), _struct(field.type)
            if form == forms.IDENTIFIER:
                (self._fields if field.required else self._left_out).append(read)
            elif inner is not None:
                self._inner.append((read, Identifiers(inner)))
            elif not form and any(map(_form, _parts(field.type))):
                raise TypeError(f"{kind.__name__}.{field.name} has a form that nothing checks")

    def stated(self, structs: Sequence[msgspec.Struct]) -> list[str]:
        """Return all that are stated in structs of the type; what is left out is empty there."""
        found: list[str] = []
        for read in self._fields:
            found += map(read, structs)
        for read in self._left_out:
            found += filter(None, map(read, structs))
        for read, inner in self._inner:
            within = [each for value in map(read, structs) if value for each in _several(value)]
            found += inner.stated(within)
        return found


def _several(value: Any) -> tuple[msgspec.Struct, ...]:
    return value if isinstance(value, tuple) else (value,)


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

    A decoder of it accepts what one of ``kind`` accepts whose texts have their forms.
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
