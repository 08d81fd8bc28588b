"""What a problem says is translated where it is raised, or stands here with the reason why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.tidy import ROOT

PACKAGES = ("api", "views", "web")
MAKERS = {"Problem": 1, "BadQuestion": 0, "_busy": 0, "_too_many": 0}
"""What takes a text that people read, and the place of the text among its arguments."""
TRANSLATED = frozenset(("foreign_place", "gettext", "stop_in_words"))
"""What gives a text in the language of who reads it."""

UNTRANSLATED: dict[str, tuple[str, ...]] = {
    "it is said to programs alone, at addresses below /v1/": (
        "api/feed.py _index_of",
        "api/feed.py _refuse_unknown_type",
        "api/log.py _no_such_record",
        "api/log.py export_log",
        "api/log.py show_checkpoint",
        "api/log.py show_receipt",
        "api/opened.py served",
        "api/problems.py of_error",  # of a LedgerError: reads raise none that is in the table
        "api/proofs.py _size",
        "api/proofs.py consistency_proof",
        "api/proofs.py inclusion_proof",
        "api/proofs.py tile_bytes",
        "api/results.py problem_of",
        "api/simulation_routes.py _body",
        "api/simulation_routes.py _there",
        "api/simulation_routes.py _wanted",
        "api/simulations.py _of",
        "api/simulations.py begin",
        "api/simulations.py recording",
        "api/stream.py _with_too_long",
        "api/submit.py _array_of",
        "api/submit.py _one_of",
        "api/submit.py _refuse_body",
        "api/submit.py submit_records",
    ),
    "it is said to supervisors, at /readyz": ("api/service.py ready",),
    "it is said before a head is read, which could tell the language": (
        "api/connection.py _refuse",
    ),
    "it is said to bearers of wrong tokens, and a browser has none": ("api/callers.py _refuse",),
    "it is no page: whoever is refused so may not even see whose log it is": (
        "api/opened.py _refusal",
    ),
    "no route of ours raises what it answers": ("api/problems.py _on_http",),
    "the words in it are translated": (
        "api/listings.py list_page",
        "api/loans.py shown_allocation",
        "api/problems.py _on_invalid",
    ),
}
"""What is not translated, by the reason why not: file and function."""


def untranslated(source: str) -> Iterator[str]:
    """Yield the function of each call of a maker whose text is not all translated."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        texts = _assigned(function)
        for call in _calls(function):
            name = ast.unparse(call.func)
            if name in MAKERS and not _is_translated(call.args[MAKERS[name]], texts):
                yield function.name


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls in a function that are in no other function within it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls(child)


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _is_translated(text: ast.expr, texts: dict[str, list[ast.expr]]) -> bool:
    """Return whether a text is a translation, or one that is filled in, whatever leads to it."""
    match text:
        case ast.Call(ast.Name(name)):
            return name in TRANSLATED
        case ast.Call(ast.Attribute(filled, "format")):
            return _is_translated(filled, texts)
        case ast.Name(name):
            return name in texts and all(_is_translated(each, texts) for each in texts[name])
    return False


def test_every_problem_is_translated_or_has_its_reason() -> None:
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT).as_posix()} {function}"
        for path in paths
        for function in untranslated(path.read_text("utf-8"))
    }
    assert found == {place for places in UNTRANSLATED.values() for place in places}


def test_the_look_finds_what_is_not_translated() -> None:
    source = """
def good(name):
    said = gettext("no {name}")
    if name:
        raise Problem("a", said.format(name=name))
    raise Problem("b", gettext("nothing"))

def literal():
    raise Problem("a", "nothing")

def put_together(name):
    raise Problem("a", f"no {name}")

def partly(name):
    said = "nothing" if name else gettext("nothing")
    raise Problem("a", said.format(name=name))

def sometimes(name):
    said = gettext("nothing")
    if name:
        said = f"no {name}"
    raise Problem("a", said)

def handed(error):
    def inner():
        raise _busy(str(error))
    return Problem(error.code, error.message)
"""
    assert list(untranslated(source)) == [
        "literal", "put_together", "partly", "sometimes", "handed", "inner"
    ]  # fmt: skip
