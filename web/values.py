"""Values as HTML: cells, links, badges, hashes and times, as functions of templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from markupsafe import Markup, escape

from views import cells
from views.labels import Label, labels_of
from views.listing import Column, Shown
from views.texts import gettext, harmless, language
from views.view import ViewStruct

Tone = str
"""``good``, ``warn``, ``bad`` or ``calm``: a colour, and never all that says it."""

LINKS: Mapping[str, str] = {
    "payment": "/payments/{}",
    "payout": "/payouts/{}",
    "receiver": "/receivers/{}",
    "loan": "/loans/{}",
    "entry": "/chain/entries/{}",
    "block": "/chain/blocks/{}",
    "dispute": "/disputes?dispute={}",
}
"""The page of what a label's link names."""

_TONES: Mapping[Tone, str] = {
    "good": "accepted active applied arrived confirmed final in-force met paid settled shared split"
    " succeeded upheld votes",
    "warn": "accrued allocated captured charged created due in-payout instructed invoiced offered"
    " open proposed requested stated upcoming",
    "bad": "conflicting declined disputed failed overdue rejected returned reversed stale unknown",
}
_SHORT_CHARS = 26
_HEAD_CHARS, _TAIL_CHARS = 12, 8


def tone_of(word: str) -> Tone:
    """Return the tone of a word of state."""
    return next((tone for tone, words in _TONES.items() if word in words.split()), "calm")


def badge(word: str, text: str = "") -> Markup:
    """Return a word of state as a badge: its text in the reader's language, if it is given."""
    shown = harmless(text or word)
    return Markup('<span class="badge {}">{}</span>').format(tone_of(word), shown)


def state(view: ViewStruct, name: str = "state") -> Markup:
    """Return a field of a view that is a word, as a badge in the reader's language."""
    value = getattr(view, name)
    return badge(value, cells.word(type(view), name, value))


def short(text: str) -> str:
    """Return a long id with its middle left out."""
    if len(text) <= _SHORT_CHARS:
        return text
    return f"{text[:_HEAD_CHARS]}…{text[-_TAIL_CHARS:]}"


def copyable(text: str, shown: str = "") -> Markup:
    """Return an id or hash in short, with a button that copies the whole."""
    visible = harmless(shown or short(text))
    return Markup(
        '<span class="id" title="{}"><bdi>{}</bdi><button type="button" class="copy" '
        'data-copy="{}" aria-label="{}" hidden></button></span>'
    ).format(harmless(text), visible, text, gettext("Copy"))


def link(kind: str, value: object, shown: str = "") -> Markup:
    """Return what names a thing, as a link to its page if it has one."""
    text = str(value)
    address = LINKS.get(kind)
    visible = escape(harmless(shown or short(text)))
    if address is None:
        return Markup("<bdi>{}</bdi>").format(visible)
    href = address.format(quote(text, safe=""))
    title = harmless(text) if short(text) != text else ""
    return Markup('<a href="{}"{}><bdi>{}</bdi></a>').format(
        href, Markup(' title="{}"').format(title) if title else "", visible
    )


def subject(text: str) -> Markup:
    """Return what a record is about, ``payment:pay-1``, as a link."""
    kind, _, name = text.partition(":")
    return link(kind, name) if kind in LINKS else copyable(text)


def when(at_ms: int) -> Markup:
    """Return a time in the calendar's zone, which a script makes a relative one beside it."""
    there = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        there, cells.zone(), cells.time(at_ms)
    )


_UNITS = (
    (86_400_000, "{} d", "{} 天"),
    (3_600_000, "{} h", "{} 小时"),
    (60_000, "{} min", "{} 分"),
    (1000, "{} s", "{} 秒"),
)


def age(age_ms: int) -> str:
    """Return an age in its largest units, ``3 d 4 h``."""
    parts, rest = [], max(age_ms, 0)
    for size, en, zh in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append((zh if language() == "zh" else en).format(count))
    return " ".join(parts[:2]) or gettext("just now")


def head(view: type[ViewStruct], shown: Shown) -> str:
    """Return the head of a column."""
    return cells.head(view, shown)


def cell(view: type[ViewStruct], shown: Shown, item: Mapping[str, Any]) -> Markup | str:
    """Return what stands in a column for an item, with links, badges and buttons to copy."""
    if isinstance(shown, Column):
        if shown.text is not None:
            return shown.text(item)
        name = next((name for name in shown.fields if item.get(name) is not None), None)
        if name is None:
            return shown.absent.text(language()) if shown.absent else ""
        return cell(view, name, item)
    value = item.get(shown)
    if value is None or value == "":
        return ""
    return _written(view, shown, item, labels_of(view).get(shown) or Label(shown, shown))


def _written(
    view: type[ViewStruct], name: str, item: Mapping[str, Any], label: Label
) -> Markup | str:
    value, text = item[name], cells.cell(view, name, item)
    if label.link:
        return link(label.link, value)
    if label.unit == "ms":
        return when(value) if value >= 0 else ""
    if label.unit == "age":
        return age(value)
    if name == "subject":
        return subject(value)
    if isinstance(value, str) and (label.words or name in ("state", "outcome")):
        return badge(value, text) if name in ("state", "outcome", "bucket") else text
    if isinstance(value, str) and len(text) > _SHORT_CHARS and label.unit != "text":
        return copyable(value)
    return text


def items(views: list[ViewStruct]) -> list[dict[str, Any]]:
    """Return views as their JSON has them, for the cells of a table."""
    return msgspec.to_builtins(views)  # type: ignore[no-any-return]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "age": age,
    "badge": badge,
    "cell": cell,
    "copyable": copyable,
    "head": head,
    "is_figure": cells.is_figure,
    "items": items,
    "link": link,
    "money": cells.money,
    "percent": cells.percent,
    "short": short,
    "state": state,
    "subject": subject,
    "tone_of": tone_of,
    "when": when,
}
