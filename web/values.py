"""Values as HTML: cells, links, badges, hashes and times, as functions of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from markupsafe import Markup, escape

from ledger.entry import APPLIED
from ledger.expectations import CONFLICTING
from views import cells
from views.contradiction_words import contradiction_in_words
from views.expectation_words import kind_name
from views.expectations import ExpectationView
from views.labels import Label, labels_of
from views.listing import Column, Shown
from views.sentences import Sentence
from views.subjects import KINDS as SUBJECTS
from views.texts import gettext, harmless, language
from views.view import ViewStruct

Tone = str
"""``good``, ``warn``, ``bad`` or ``calm``: a colour, and never all that says it."""

_OWN = ("payment", "payout", "receiver", "loan")
"""Kinds of subjects that have a page of their own; the others are told alike."""

LINKS: Mapping[str, str] = {
    **{kind: f"/{kind}s/{{}}" for kind in _OWN},
    "entry": "/chain/entries/{}",
    "block": "/chain/blocks/{}",
    "account": "/balances?prefix={}",
    "order": "/search?order={}",
    **{kind: f"/about/{kind}:{{}}" for kind in SUBJECTS if kind not in _OWN},
}
"""The page of what a label's link names."""

_TONES: Mapping[Tone, str] = {
    "good": "accepted active applied arrived confirmed final in-force met paid settled shared split"
    " succeeded upheld votes",
    "warn": "accrued allocated captured charged created due in-payout instructed invoiced offered"
    " in-suspense not-split on-its-way open proposed requested stated upcoming",
    "bad": "conflicting declined differs disputed failed nothing-came overdue"
    " rejected returned reversed stale unknown",
}
_SHORT_CHARS = 26
_HEAD_CHARS, _TAIL_CHARS = 12, 8


def tone_of(word: str) -> Tone:
    """Return the tone of a word of state."""
    return next((tone for tone, words in _TONES.items() if word in words.split()), "calm")


def badge(word: str, text: str = "") -> Markup:
    """Return a word of state as a badge: its text in the reader's language, if it is given."""
    shown = harmless(text or word)
    return Markup(f'<span class="badge {tone_of(word)}">{escape(shown)}</span>')


def state(view: ViewStruct, name: str = "state") -> Markup:
    """Return a field of a view that is a word, as a badge in the reader's language."""
    value = getattr(view, name)
    return badge(value, cells.word(type(view), name, value))


def word(view: ViewStruct, name: str) -> str:
    """Return a field of a view that is a word in the reader's language."""
    return cells.word(type(view), name, getattr(view, name)).replace("_", " ")


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
    titled = f' title="{escape(title)}"' if title else ""
    return Markup(f'<a href="{escape(href)}"{titled}><bdi>{visible}</bdi></a>')


def subject(text: str) -> Markup:
    """Return what a record is about, ``payment:pay-1``, as a link; what is after ``/`` is of it."""
    whole = text.partition("/")[0]
    kind, _, name = whole.partition(":")
    if kind in _OWN:
        return link(kind, name, short(name) if whole == text else short(text))
    return Markup('<a href="/about/{}"><bdi>{}</bdi></a>').format(
        quote(whole, safe=":"), harmless(short(text))
    )


def said(parts: Sentence) -> Markup:
    """Return what a record says, with what it names as links."""
    return Markup("").join(
        subject(part.text)
        if part.link == "subject"
        else link(part.link, part.text)
        if part.link
        else harmless(part.text)
        for part in parts
    )


def differs(detail: str) -> str:
    """Return what differs between two halves, in the reader's words."""
    return harmless(contradiction_in_words(detail))


def kind_of(expectation: ExpectationView) -> str:
    """Return what is awaited, in words."""
    return kind_name(expectation.kind).text(language())


def kind_word(kind: str) -> str:
    """Return what a kind of subject, or of what can be found, is called."""
    return {
        "account": gettext("account"),
        "block": gettext("block"),
        "calendar": gettext("calendar"),
        "compensation": gettext("compensation"),
        "dispute": gettext("dispute"),
        "entry": gettext("entry"),
        "fee-agreement": gettext("fee agreement"),
        "float": gettext("float movement"),
        "invoice": gettext("invoice"),
        "loan": gettext("loan"),
        "order": gettext("order"),
        "payment": gettext("payment"),
        "payout": gettext("payout"),
        "profit-agreement": gettext("profit agreement"),
        "receiver": gettext("receiver"),
        "refund": gettext("refund"),
        "share": gettext("profit share"),
    }.get(kind, kind)


def when(at_ms: int) -> Markup:
    """Return a time in the calendar's zone, which a script makes a relative one beside it."""
    there = cells.moment(at_ms)
    if there is None:
        return escape(cells.time(at_ms))
    at = there.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at, cells.zone(), cells.time(at_ms)
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
            text = shown.text(item)
            return _whole_line(text) if shown.label.unit == "date" else text
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
        each = value if isinstance(value, list) else [value]
        return Markup(", ").join(link(label.link, one) for one in each)
    if label.unit == "ms":
        return when(value) if value >= 0 else ""
    if label.unit == "age":
        return age(value)
    if name == "subject":
        return subject(value)
    if name == "detail" and item.get("state") == CONFLICTING:
        return differs(value)
    if label.unit == "date":
        return _whole_line(text)
    if name == "outcome" and value == APPLIED:
        return badge(value, gettext("applied"))
    if isinstance(value, str) and (label.words or name in ("state", "outcome")):
        return badge(value, text) if name in ("state", "outcome", "bucket") else text
    if isinstance(value, str) and len(text) > _SHORT_CHARS and label.unit != "text":
        return copyable(value)
    return text


def in_currency(views: Sequence[ViewStruct], currency: str) -> list[dict[str, Any]]:
    """Return views without a currency of their own, for the cells of a table."""
    return [{"currency": currency, **each} for each in items(views)]


class TableColumn(NamedTuple):
    """A column of a table: what stands one above the other in it, and its head."""

    stack: Sequence[Shown]
    head: str
    more_heads: Sequence[str]
    is_figure: bool
    attributes: Markup


def table_columns(
    view: type[ViewStruct], columns: Iterable[Shown | Sequence[Shown]]
) -> list[TableColumn]:
    """Return the columns of a table of views."""
    found = []
    for column in columns:
        stack = [column] if isinstance(column, (str, Column)) else list(column)
        first, *more = (head(view, each) for each in stack)
        is_figure = cells.is_figure(view, stack[0])
        marked = Markup(' class="figure"') if is_figure else Markup("")
        attributes = Markup(' data-label="{}"{}').format(first, marked)
        found.append(TableColumn(stack, first, more, is_figure, attributes))
    return found


def stacked(view: type[ViewStruct], stack: Sequence[Shown], item: Mapping[str, Any]) -> Markup:
    """Return what stands in a cell of a table, the first line first."""
    lines = []
    for number, shown in enumerate(stack):
        text = cell(view, shown, item)
        if text:
            line = escape(text if isinstance(text, Markup) else harmless(text))
            lines.append(f'<div class="muted">{line}</div>' if number else f"<div>{line}</div>")
    return Markup("".join(lines))


def _whole_line(text: str) -> Markup:
    return Markup('<span class="nowrap">{}</span>').format(text)


def items(views: Sequence[Any]) -> list[dict[str, Any]]:
    """Return views as their JSON has them, for the cells of a table."""
    return msgspec.to_builtins(views, enc_hook=_of_raw)  # type: ignore[no-any-return]


def _of_raw(value: Any) -> Any:
    """Return what the JSON within a view stands for."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    raise NotImplementedError


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "age": age,
    "badge": badge,
    "cell": cell,
    "copyable": copyable,
    "differs": differs,
    "head": head,
    "in_currency": in_currency,
    "is_figure": cells.is_figure,
    "items": items,
    "kind_of": kind_of,
    "kind_word": kind_word,
    "link": link,
    "money": cells.money,
    "percent": cells.percent,
    "said": said,
    "short": short,
    "stacked": stacked,
    "state": state,
    "subject": subject,
    "table_columns": table_columns,
    "tone_of": tone_of,
    "when": when,
    "word": word,
}
