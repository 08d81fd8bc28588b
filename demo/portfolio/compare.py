"""Comparison of this computation with another over random cases.

Use: ``python -m demo.portfolio.compare --cases 1000 --seed 1 --with MODULE``, where the module has
``answer(case)``.

The first case on which the two differ is made smaller while they still do, and printed with both
answers. Exit code 1 says that they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing import Pool
from typing import Any

from demo.portfolio.account import answer
from demo.portfolio.cases import draw_case
from demo.portfolio.cost import LIMIT_PPM
from demo.portfolio.smaller import KINDS

Plain = dict[str, Any]
Differing = tuple[int, str]
"""The number of a case that differs, and where it first does, without indices."""

_CHUNK = 50
_FEW = 5


@dataclass(frozen=True, slots=True)
class Closeness:
    """What of two answers counts: codes of refusals; legs only by their sums; the cost by plan."""

    codes: bool = False
    sums: bool = False
    cost: bool = False


PLAIN = Closeness()
"""Whether refused, not why; legs by party, instalment and component."""


def main(arguments: list[str] | None = None) -> int:
    """Compare as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.portfolio.compare", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000, help="how many random cases")
    parser.add_argument("--seed", type=int, default=1, help="seed of the cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--with", dest="module", required=True, help="module with answer(case)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--codes", action="store_true", help="refusals have the same codes, too")
    parser.add_argument("--sums", action="store_true", help="legs by party and component only")
    parser.add_argument("--cost", action="store_true", help="the cost by plan, too; much slower")
    parser.add_argument("--all", action="store_true", help="count all that differ, by place")
    chosen = parser.parse_args(arguments)
    numbers = range(chosen.first, chosen.first + chosen.cases)
    how = Closeness(chosen.codes, chosen.sums, chosen.cost)
    check = partial(differs_at, chosen.seed, chosen.module, how)
    places: dict[str, list[int]] = {}
    for number, place in _differing(check, numbers, chosen.jobs):
        places.setdefault(place, []).append(number)
        if not chosen.all:
            break
    if not places:
        print(f"{chosen.cases} cases of seed {chosen.seed} agree")
        return 0
    if chosen.all:
        _tell_places(places, chosen.cases)
    _explain(chosen.seed, min(min(each) for each in places.values()), chosen.module, how)
    return 1


def differs_at(seed: int, module: str, how: Closeness, number: int) -> Differing | None:
    """Return the number of a case on which the two computations differ, and where they first do."""
    case = draw_case(seed, number)
    found = difference(case, _other(module), how)
    if found is None:
        return None
    event = re.match(r"\.events\[(\d+)\]", found[0])
    kind = f" ({case['events'][int(event[1])]['kind']})" if event else ""
    return number, re.sub(r"\[\d+\]", "[]", found[0]) + kind


def difference(
    case: Plain, other: Callable[[Plain], Plain], how: Closeness = PLAIN
) -> tuple[str, Any, Any] | None:
    """Return where two answers to a case differ first, with both values; None if they agree.

    Args:
        case: A neutral case.
        other: The other computation; what it raises is a difference.
        how: What of the answers counts.
    """
    if how.cost:
        case = {**case, "cost_limit_ppm": LIMIT_PPM}
    ours = normal(answer(case), how)
    try:
        theirs = normal(other(case), how)
    except Exception as error:  # any failure of the other computation is what we look for
        return "raised", ours, f"{type(error).__name__}: {error}"
    return next(_differences("", ours, theirs), None)


def normal(found: Any, how: Closeness = PLAIN) -> Any:
    """Return an answer without what says nothing: zeros of divisions, the order of legs."""
    if isinstance(found, list):
        return [normal(each, how) for each in found]
    if isinstance(found, str):
        return found.replace("–", "-")
    if not isinstance(found, dict):
        return found
    if "refused" in found:
        return {"refused": found["refused"] if how.codes else True}
    plain = {name: normal(value, how) for name, value in found.items()}
    if how.sums and "legs" in plain:
        plain["legs"] = _summed(plain["legs"])
    for name in ("legs", "open"):
        if isinstance(plain.get(name), list):
            plain[name] = sorted(plain[name], key=lambda row: json.dumps(row, sort_keys=True))
    if "shares" in plain:
        plain["shares"] = {
            component: {party: amount for party, amount in shares.items() if amount}
            for component, shares in plain["shares"].items()
            if any(shares.values())
        }
        plain["fees"] = {name: amount for name, amount in plain["fees"].items() if amount}
    return plain


def _summed(legs: list[Plain]) -> list[Plain]:
    sums: Counter[tuple[str, str]] = Counter()
    for leg in legs:
        sums[leg["party"], leg["component"]] += leg["amount"]
    return [
        {"party": party, "component": component, "amount": amount}
        for (party, component), amount in sorted(sums.items())
        if amount
    ]


def shrink(case: Plain, still: Callable[[Plain], bool]) -> Plain:
    """Return a smaller case of which ``still`` holds, as small as single changes make it."""
    before = None
    while before != case:
        before = case
        for kind in KINDS:
            found: Plain | None = case
            while found is not None:
                case = found
                found = next((each for each in kind(case) if _holds(still, each)), None)
    return case


def _holds(still: Callable[[Plain], bool], case: Plain) -> bool:
    try:
        return still(case)
    except (KeyError, IndexError, ValueError, ZeroDivisionError):
        return False  # a change that makes no case


def _differences(path: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for name in ours:
            yield from _differences(f"{path}.{name}", ours[name], theirs[name])
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(f"{path}[{at}]", own, other)
    elif ours != theirs:
        yield path, ours, theirs


def _other(module: str) -> Callable[[Plain], Plain]:
    found: Callable[[Plain], Plain] = import_module(module).answer
    return found


def _differing(
    check: Callable[[int], Differing | None], numbers: range, jobs: int
) -> Iterator[Differing]:
    if jobs == 1:
        yield from (each for each in map(check, numbers) if each is not None)
        return
    with Pool(jobs) as pool:
        found = pool.imap(check, numbers, chunksize=_CHUNK)
        yield from (each for each in found if each is not None)


def _tell_places(places: dict[str, list[int]], cases: int) -> None:
    print(f"{sum(len(each) for each in places.values())} of {cases} cases differ; first in:")
    for place, numbers in sorted(places.items(), key=lambda each: -len(each[1])):
        print(f"{len(numbers):>8}  {place or 'the whole answer'}, such as {numbers[:_FEW]}")


def _explain(seed: int, number: int, module: str, how: Closeness) -> None:
    other = _other(module)
    case = shrink(draw_case(seed, number), lambda each: difference(each, other, how) is not None)
    found = difference(case, other, how)
    path, ours, theirs = found or ("", None, None)
    print(f"case {number} of seed {seed} differs, made smaller:")
    print(json.dumps(case, indent=1, ensure_ascii=False))
    print(f"first difference at {path or 'the whole answer'}")
    print("this computation:", json.dumps(ours, ensure_ascii=False))
    print("the other:       ", json.dumps(theirs, ensure_ascii=False))
    print("whole answer of this computation:", json.dumps(answer(case), ensure_ascii=False))
    if path != "raised":
        print("whole answer of the other:       ", json.dumps(other(case), ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
