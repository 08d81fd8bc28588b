"""Every kind of expectation is said in both languages: who owes which half of what."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from ledger.expectations import CONFLICTING, KINDS, OPEN, OVERDUE, ExpectationKind
from views.expectation_words import KIND_WORDS, kind_name, sentence_of
from views.labels import Label

WITHOUT_MONEY = {"dispute", "fee-acceptance", "profit-acceptance", "calendar-acceptance"}
"""Kinds that await an answer or a consent, and no amount."""
CHINESE = re.compile("[\u4e00-\u9fff]")
TWO = ("platform", "institution")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def filled(label: Label, language: str) -> str:
    text = label.zh if language == "zh" else label.en
    return text.format(awaited="A", opener="B", subject="S", amount="M", kind="K")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_name_in_both_languages(kind: ExpectationKind) -> None:
    assert kind_name(kind).en == kind.replace("-", " ")
    assert kind_name(kind).zh == KIND_WORDS[kind]
    assert CHINESE.search(kind_name(kind).zh)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", [OPEN, OVERDUE])
def test_what_is_owed_names_the_party_the_matter_and_the_amount(
    kind: ExpectationKind, state: str
) -> None:
    said = sentence_of(kind, state, TWO)
    assert fields(said.en) == fields(said.zh)
    assert fields(said.en) >= {"awaited", "subject"}
    assert ("amount" in fields(said.en)) == (kind not in WITHOUT_MONEY)
    assert said.en.startswith("{awaited} has not ")
    assert not said.en.endswith(".")
    assert CHINESE.search(filled(said, "zh"))


def test_no_two_kinds_are_said_alike() -> None:
    for language in ("en", "zh"):
        said = [filled(sentence_of(kind, OPEN, TWO), language) for kind in KINDS]
        assert len(set(said)) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_contradiction_names_both_parties(kind: ExpectationKind) -> None:
    said = sentence_of(kind, CONFLICTING, TWO)
    assert fields(said.en) == fields(said.zh) == {"awaited", "opener", "kind", "subject"}


def test_one_who_contradicts_what_came_is_not_said_to_contradict_itself() -> None:
    said = sentence_of("compensation", CONFLICTING, ("guarantor", "guarantor"))
    assert "opener" not in fields(said.en) | fields(said.zh)
