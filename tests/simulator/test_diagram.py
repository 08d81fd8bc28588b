"""Sequence diagrams of a slice of a trace."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulator import diagram
from simulator.errors import SimulatorError
from simulator.replay import parse

LINES = (
    "1.000 platform start life 1, height 0",
    "2.000 platform send funder 3.500 vote notar 1 ab",
    "2.000 platform send auditor lost vote notar 1 ab",
    "2.500 funder send platform 4.000+6.000 certificate notar 1 ab",
    "3.000 funder crash torn",
    "3.100 funder miss from platform",
    "3.200 - fault crash who=funder",
    '4.000 platform violation I1: "<&#;>"',
)
DIRECTORY = Path(__file__).parents[2] / "docs" / "simulation"
PICTURES = sorted(DIRECTORY.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def shown(*nodes: str) -> diagram.Slice:
    return diagram.cut(list(parse(LINES)), nodes)


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_picture_has_a_lifeline_a_machine_and_an_arrow_a_copy() -> None:
    svg = diagram.svg(shown(), "a title")
    lines = list(ElementTree.fromstring(svg).iter(f"{SVG}line"))
    classes = [line.get("class") for line in lines]
    assert classes.count("life") == 3
    assert sorted(c for c in classes if c and "arrow" in c) == [
        "arrow certificate",
        "arrow certificate",
        "arrow lost",
        "arrow vote",
    ]
    assert {"platform", "funder", "auditor", "vote notar 1 ab", "crash torn"} <= set(texts(svg))
    assert ElementTree.fromstring(svg).find(f"{SVG}title") is not None


def test_an_arrow_goes_down_from_where_it_leaves_to_where_it_arrives() -> None:
    svg = diagram.svg(shown("platform", "funder"), "t")
    for line in ElementTree.fromstring(svg).iter(f"{SVG}line"):
        if "arrow" in (line.get("class") or ""):
            assert int(line.get("y1") or 0) < int(line.get("y2") or 0)


CROWD = (
    "1.000 funder start life 1, height 0",
    "1.000 - fault crash who=platform,institution,funder for_ms=3000 a long story of trouble",
    "2.000 platform send funder lost vote notar 1 ab",
    "2.000 platform send auditor lost vote notar 1 ab",
    "2.000 platform send auditor lost proposal 1 ab 3 batches",
    "2.000 platform send institution lost proposal 1 ab 3 batches",
    "2.000 institution send platform 3.000 certificate final 1 0123456789ab",
    "2.000 institution send funder 3.000 certificate final 1 0123456789ab",
    "2.000 auditor send funder 3.000+3.000 certificate final 1 0123456789ab",
    "2.000 auditor send institution lost certificate final 1 0123456789ab",
    "3.000 funder final height 1 slot 1 block ab size 3 state cd",
    "3.000 funder final height 2 slot 2 block ab size 3 state cd",
    "3.000 auditor final height 2 slot 2 block ab size 3 state cd",
)
NODES = ("platform", "institution", "funder", "auditor")


def boxes(svg: str) -> list[tuple[int, int, int, int, str]]:
    """Return left, top, right and bottom of every text, as a monospaced font has them."""
    found = []
    for each in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        kinds, text = (each.get("class") or "").split(), each.text or ""
        width = len(text) * (60 if "label" in kinds else 66) // 10
        x, y = int(each.get("x") or 0), int(each.get("y") or 0)
        if "name" in kinds:
            continue
        left = x - width if {"time", "before"} & set(kinds) else x
        found.append((left, y - 8, left + width, y + 2, text))
    return found


def overlaps(svg: str) -> list[tuple[str, str]]:
    return [
        (one[4], other[4])
        for one, other in combinations(boxes(svg), 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]


def test_labels_of_one_moment_do_not_overlap() -> None:
    svg = diagram.svg(diagram.cut(list(parse(CROWD)), NODES), "t")
    assert overlaps(svg) == []
    assert len(boxes(svg)) == 3 + len(CROWD) - 2 + 1  # times; lost copies as one; one doubled


def test_copies_that_get_lost_on_one_side_are_one_arrow() -> None:
    svg = diagram.svg(diagram.cut(list(parse(CROWD)), NODES), "t")
    assert {"vote notar 1 ab ×2", "proposal 1 ab 3 batches ×2"} <= set(texts(svg))


@pytest.mark.parametrize("name", [path.stem for path in PICTURES])
def test_no_labels_overlap_in_the_pictures_of_the_library(name: str) -> None:
    assert overlaps((DIRECTORY / f"{name}.svg").read_text("utf-8")) == []


def test_text_of_a_trace_is_never_markup() -> None:
    svg = diagram.svg(shown(), '"<&>')
    assert 'violation I1: "<&#;>"' in texts(svg)


def test_the_same_slice_as_mermaid() -> None:
    assert diagram.mermaid(shown("platform", "funder")).splitlines() == [
        "sequenceDiagram",
        "    participant p0 as platform",
        "    participant p1 as funder",
        "    Note over p0: 1.000 start life 1, height 0",
        "    p0->>p1: vote notar 1 ab (2.000 to 3.500)",
        "    p1->>p0: certificate notar 1 ab (2.500 to 4.000+6.000)",
        "    Note over p1: 3.000 crash torn",
        "    Note over p0,p1: 3.200 fault crash who=funder",
        '    Note over p0: 4.000 violation I1: "<&#35;#59;>"',
    ]


def test_a_lost_message_ends_in_a_cross_in_mermaid() -> None:
    assert "    p0-xp2: vote notar 1 ab (2.000 to lost)" in diagram.mermaid(
        shown("platform", "funder", "auditor")
    )


def test_only_the_machines_that_are_named_are_shown() -> None:
    cut = shown("platform", "auditor")
    assert [arrow.to for arrow in cut.arrows] == ["auditor"]
    assert {mark.node for mark in cut.marks} == {"platform", "-"}


@pytest.mark.parametrize("count", [0, diagram.EVENTS_MAX + 1])
def test_an_empty_or_too_full_slice_is_refused(count: int) -> None:
    rows = list(parse([LINES[1]] * count))
    with pytest.raises(SimulatorError) as refused:
        diagram.cut(rows)
    assert refused.value.code == "bad-slice"


def test_a_message_without_arrival_is_no_trace() -> None:
    with pytest.raises(SimulatorError) as refused:
        diagram.cut(list(parse(["1.000 platform send funder soon vote"])))
    assert refused.value.code == "bad-trace"
