"""The catalogues of ``views/locale``: ``python -m tools.catalogue``.

Finds every ``gettext("…")`` of the packages and every ``_("…")`` of templates, writes those texts
into each ``.po`` file with the translations that were there, and compiles it to ``.mo``. A text
that is new has an empty translation, which is to be written by hand; a text that is gone leaves.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import pack

from api import problems
from ledger import forms
from views.listings import LISTINGS
from views.texts import DOMAIN, LOCALES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ledger", "consensus", "views", "node", "api", "web", "demo", "cli")
CATALOGUES = tuple(sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")))
HEADER = "Content-Type: text/plain; charset=UTF-8\n"
_IN_TEMPLATE = re.compile(r"""_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
_MAGIC = 0x950412DE


def texts() -> dict[str, list[str]]:
    """Return every text, and the files that it stands in; lists and problems bring theirs."""
    found: dict[str, list[str]] = {each.about: ["views/listings.py"] for each in LISTINGS}
    helps = {asked.help for each in LISTINGS for asked in each.filters if asked.help}
    found |= {text: ["views/listings.py"] for text in sorted(helps)}
    found |= {title: ["api/problems.py"] for _, title in problems.TABLE.values()}
    found |= {words: ["api/problems.py"] for words in problems.WANTED.values()}
    found |= {words: ["ledger/forms.py"] for words in forms.WORDS.values()}
    for package in PACKAGES:
        paths = [*(ROOT / package).rglob("*.py"), *(ROOT / package).glob("templates/*.html")]
        for path in sorted(paths):
            find = texts_in if path.suffix == ".py" else texts_in_template
            for text in find(path.read_text("utf-8")):
                files = found.setdefault(text, [])
                if (name := path.relative_to(ROOT).as_posix()) not in files:
                    files.append(name)
    return found


def texts_in(source: str) -> Iterator[str]:
    """Yield what a file hands to ``gettext``.

    Raises:
        ValueError: it is put together, so that no catalogue can hold it.
    """
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if ast.unparse(call.func) in ("gettext", "texts.gettext"):
            match call.args:
                case [ast.Constant(str(text))]:
                    yield text
                case _:
                    raise ValueError(f"line {call.lineno}: gettext takes one text, written out")


def texts_in_template(source: str) -> Iterator[str]:
    """Yield what a template hands to ``_``."""
    for double, single in _IN_TEMPLATE.findall(source):
        yield (double or single).replace('\\"', '"').replace("\\'", "'")


def read(catalogue: str) -> dict[str, str]:
    """Return the translation of every text of a ``.po`` file, without its header."""
    found: dict[str, str] = {}
    pattern = r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n)+)'
    for text, translated in re.findall(pattern, catalogue, re.MULTILINE):
        found[_joined(text)] = _joined(translated)
    found.pop("", None)
    return found


def _joined(lines: str) -> str:
    return "".join(map(ast.literal_eval, lines.splitlines()))


def written(texts: Mapping[str, list[str]], translations: Mapping[str, str]) -> str:
    """Return the ``.po`` file of these texts."""
    parts = [f'msgid ""\nmsgstr {_quoted(HEADER)}\n']
    for text, files in texts.items():
        places = "".join(f"#: {name}\n" for name in files)
        translated = translations.get(text, "")
        parts.append(f"{places}msgid {_quoted(text)}\nmsgstr {_quoted(translated)}\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def compiled(translations: Mapping[str, str]) -> bytes:
    """Return the ``.mo`` file of these translations, as GNU gettext reads it.

    Magic, revision, count and the places of two tables, 32 bits each; the tables hold length and
    place of each text and each translation, which follow, ended by a zero byte.
    """
    texts = {"": HEADER, **{text: said for text, said in translations.items() if said}}
    pairs = sorted((text.encode(), said.encode()) for text, said in texts.items())
    head = (_MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    tables, body, begin = b"", b"", 28 + 16 * len(pairs)
    for column in zip(*pairs, strict=True):
        for text in column:
            tables += pack("<2I", len(text), begin + len(body))
            body += text + b"\0"
    return pack("<7I", *head) + tables + body


def main() -> None:
    """Bring every catalogue up to date, and say which texts have no translation."""
    found = texts()
    for path in CATALOGUES:
        translations = read(path.read_text("utf-8"))
        path.write_text(written(found, translations), "utf-8")
        kept = {text: translations.get(text, "") for text in found}
        path.with_suffix(".mo").write_bytes(compiled(kept))
        for text in (text for text, said in kept.items() if not said):
            print(f"{path.relative_to(ROOT)}: no translation: {text!r}")


if __name__ == "__main__":
    main()
