"""Every text has a translation, every translation a text, and compiled is what is written."""

from __future__ import annotations

from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest

from tools.catalogue import CATALOGUES, compiled, read, texts, texts_in, written
from views.texts import LANGUAGES

ADVICE = "python -m tools.catalogue, then write what it says is missing, and run it again"
each_catalogue = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])


def test_every_language_but_that_of_the_code_has_a_catalogue() -> None:
    assert {path.parts[-3] for path in CATALOGUES} == {*LANGUAGES} - {"en"}


@each_catalogue
def test_no_translation_is_missing_or_stale(path: Path) -> None:
    translations = read(path.read_text("utf-8"))
    assert set(translations) == set(texts()), ADVICE
    assert not [text for text, said in translations.items() if not said], ADVICE
    assert path.read_text("utf-8") == written(texts(), translations), ADVICE


@each_catalogue
def test_the_compiled_file_is_that_of_the_written_one(path: Path) -> None:
    raw = path.with_suffix(".mo").read_bytes()
    translations = read(path.read_text("utf-8"))
    assert raw == compiled(translations), ADVICE
    understood = GNUTranslations(BytesIO(raw))
    assert {text: understood.gettext(text) for text in translations} == translations


@each_catalogue
def test_a_translation_has_the_fields_of_its_text(path: Path) -> None:
    for text, said in read(path.read_text("utf-8")).items():
        assert fields(said) == fields(text), text


def fields(text: str) -> list[tuple[str | None, str | None]]:
    return sorted((name, form) for _, name, form, _ in Formatter().parse(text) if name)


def test_what_cannot_be_in_a_catalogue_is_refused() -> None:
    source = 'from views.texts import gettext\nprint(gettext("a {b}"), texts.gettext("c"))\n'
    assert list(texts_in(source)) == ["a {b}", "c"]
    for bad in ('gettext(f"a {b}")', 'gettext("a" + b)', "gettext(a)", 'gettext("a", "b")'):
        with pytest.raises(ValueError, match="line 1: gettext takes one text, written out"):
            list(texts_in(bad))


def test_odd_texts_come_through_both_files() -> None:
    odd = {'a "quoted"\nline\\': "中“文”\n\\", "untranslated": ""}
    assert read(written({text: ["a.py"] for text in odd}, odd)) == odd
    understood = GNUTranslations(BytesIO(compiled(odd)))
    assert [understood.gettext(text) for text in odd] == ["中“文”\n\\", "untranslated"]
    assert understood.charset() == "UTF-8"
