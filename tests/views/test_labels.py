"""Labels of fields and words of state: none missing in either language, none left over."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

import pytest

from tests.views.views_kit import VIEWS, structs_in
from views.labels import Label, Unit, label_in, labels_of, words_in
from views.listing import Column
from views.listings import LISTINGS
from views.view import ViewStruct

CHINESE = re.compile(r"[一-鿿]")
MONEY_BY_STATE = {("PaymentView", "money")}
"""Sums by state: the states are those of legs, which have their words there."""


def _names(view: type[ViewStruct]) -> str:
    return view.__name__


def _faults(view: type[ViewStruct]) -> list[str]:
    """Return what is wrong with the labels of a view."""
    hints = get_type_hints(view, include_extras=True)
    found = []
    for name in view.__struct_fields__:
        label = label_in(hints[name])
        if label is None:
            nested = structs_in(hints[name]) or (view.__name__, name) in MONEY_BY_STATE
            found += [] if nested else [f"{name} has no label"]
        else:
            found += [f"{name}: {fault}" for fault in _faults_of(label, words_in(hints[name]))]
    return found


def _faults_of(label: Label, words: tuple[str, ...]) -> list[str]:
    faults = []
    if not label.en or not label.en.isascii() or label.en.endswith("."):
        faults.append(f"{label.en!r} is no English label")
    if not CHINESE.search(label.zh):
        faults.append(f"{label.zh!r} is no Chinese label")
    if label.unit not in get_args(Unit):
        faults.append(f"{label.unit!r} is no unit")
    if set(label.words) != set(words):
        faults.append(f"words differ: {sorted(set(label.words) ^ set(words))}")
    faults += [
        f"{word!r} is no Chinese word" for word in label.words.values() if not CHINESE.search(word)
    ]
    return faults


@pytest.mark.parametrize("view", VIEWS, ids=_names)
def test_every_field_has_a_label_and_its_words_in_both_languages(view: type[ViewStruct]) -> None:
    assert not _faults(view)


@pytest.mark.parametrize("view", VIEWS, ids=_names)
def test_two_fields_of_a_view_have_two_labels(view: type[ViewStruct]) -> None:
    for labels in (
        [each.en for each in labels_of(view).values()],
        [each.zh for each in labels_of(view).values()],
    ):
        assert sorted(labels) == sorted(set(labels))


def test_columns_of_their_own_have_labels_too() -> None:
    columns = [
        each
        for listing in LISTINGS
        for shown in listing.columns
        for each in (shown if isinstance(shown, tuple) else (shown,))
        if isinstance(each, Column)
    ]
    assert columns
    assert not [fault for each in columns for fault in _faults_of(each.label, ())]
