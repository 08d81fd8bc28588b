"""Texts in the language of who reads them: English as the code has it, or Chinese.

A text that people read stands in the code as ``gettext("…")``, with what varies as fields::

    gettext("{count:,} entries").format(count=3)

Its Chinese stands in ``views/locale/zh/LC_MESSAGES/tongzhang.po``, which
``python -m tools.catalogue`` keeps and compiles. Labels of fields and words of state are no such
texts: they stand in the annotations of the views.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, translation
from pathlib import Path
from typing import Literal, get_args
from unicodedata import category

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

DOMAIN = "tongzhang"
LOCALES = Path(__file__).with_name("locale")

_STEERING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode's categories of control and format characters, surrogates and separators of lines."""

_chosen: ContextVar[Language] = ContextVar("language", default="en")


def choose(language: Language) -> None:
    """Let all texts from now on be in a language: of this thread, or task of an event loop."""
    _chosen.set(language)


def language() -> Language:
    """Return the chosen language; English if none was chosen."""
    return _chosen.get()


def language_of(locale: str) -> Language:
    """Return the language of a locale such as ``zh_CN.UTF-8``; English where it is no other."""
    begins = locale.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return "zh" if begins == "zh" else "en"


def gettext(text: str) -> str:
    """Return a text in the chosen language; as it is where the catalogue has no other."""
    return _translated(text)


def translated(text: str) -> str:
    """Return a text that the catalogue has from a listing, in the chosen language."""
    return _translated(text)


def _translated(text: str) -> str:
    if not text or language() == "en":  # under "" a catalogue has its own header
        return text
    return _catalogue(language()).gettext(text)


@cache
def _catalogue(language: Language) -> GNUTranslations:
    return translation(DOMAIN, LOCALES, [language])


def harmless(text: str) -> str:
    """Return ``text`` with what would steer a terminal or a page written out, as ``\\u009b``.

    What other parties have stated is shown to people; it must not repaint what they read.
    """
    if text.isprintable():
        return text
    return "".join(_written_out(c) if category(c) in _STEERING else c for c in text)


def _written_out(character: str) -> str:
    return character if character in "\n\t" else character.encode("unicode_escape").decode()
