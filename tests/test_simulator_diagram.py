"""Sequence diagrams of a slice of a trace."""

from __future__ import annotations

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
