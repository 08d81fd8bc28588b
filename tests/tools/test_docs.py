"""What the documents say is what the code does: commands, tables, links, worked examples."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api.problems import TABLE
from consensus.effects import Effects
from consensus.evidence import LIES, EvidenceKind
from consensus.messages import Message
from consensus.votes import MAY_SAY
from ledger import domains
from ledger.canonical import _SCHEMA_CODES
from ledger.contracts import RECORD_TYPES, RULES
from ledger.quorum import tolerance
from node.peers.handshake import CLOSE_CODES
from node.storage.ownership import _OWNERSHIP
from tests.node.ports_kit import free_ports
from tools.bytes_example import EXAMPLE, FENCE, FOLDER, PAGE, ROOT, files, run, shell_in
from tools.cli_reference import whole

DOCS = ROOT / "docs"
PACKAGES = ("ledger", "consensus", "views", "node", "api", "web", "simulator", "demo", "cli")
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("[a-z]*/**/README.md")})
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

UNSAYABLE = (
    r"pypi\.|pythonhosted|proxy\.golang|sum\.golang|registry\.|crates\.io|docker\.io",
    r"/(?:work|root)/|/tmp/v/|\.\./shared",
)
"""Hosts of package registries and paths of somebody's machine."""


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def fences(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(text_of(page)) if name == language]


# -- links, hosts, names ------------------------------------------------------------------------


def test_every_link_between_documents_leads_to_a_file_and_a_heading() -> None:
    dead = [f"{page.name}: {link}" for page in PAGES for link in _dead_links(page)]
    assert not dead, dead


def _dead_links(page: Path) -> Iterator[str]:
    for target, anchor in LINK.findall(text_of(page)):
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor[1:] not in _anchors(path)):
            yield target + anchor


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("pattern", UNSAYABLE)
def test_no_document_names_a_registry_or_a_path_of_a_machine(pattern: str) -> None:
    said = [page.name for page in PAGES if re.search(pattern, text_of(page))]
    assert not said


def test_every_page_is_in_the_index() -> None:
    index = text_of(DOCS / "README.md")
    missing = [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index]
    assert missing == ["README.md"]


def test_every_decision_is_in_the_index_and_only_those_that_there_are() -> None:
    told = re.findall(r"^\| \[(\d{4})\]\((adr/.+?)\)", text_of(DOCS / "README.md"), re.MULTILINE)
    pages = sorted((DOCS / "adr").iterdir())
    assert told == [(page.name[:4], f"adr/{page.name}") for page in pages]


def test_every_path_of_the_product_that_a_page_names_is_there() -> None:
    said = [(page, path) for page in PAGES if page.name != "CHANGELOG.md" for path in _paths(page)]
    gone = [f"{page.name}: {path}" for page, path in said if not (ROOT / path).exists()]
    assert said
    assert not gone, gone


def _paths(page: Path) -> Iterator[str]:
    """Yield what stands in backticks and begins as a path of a package does."""
    packages = "|".join((*PACKAGES, "tools", "tests"))
    path = rf"`((?:{packages})/[\w./-]*)`"
    new = set(re.findall(r"^`([\w/]+\.py)`\. ", text_of(page), re.MULTILINE))  # that a guide adds
    yield from (found for found in re.findall(path, text_of(page)) if found not in new)


def test_one_page_says_how_a_business_is_added() -> None:
    for page in (ROOT / "CONTRIBUTING.md", DOCS / "architecture.md", DOCS / "reading.md"):
        text = text_of(page)
        assert "add-a-business.md)" in text, page.name
        assert "Nothing else changes" not in text, page.name


def test_what_users_notice_since_the_second_version_is_in_the_changelog() -> None:
    told = text_of(ROOT / "CHANGELOG.md").partition("## 0.2.0")[0]
    looks = [option for option in ("--csv", "--wide", "--minor", "--utc") if option in _options()]
    assert len(looks) == 4
    words = [*looks, "--lang", "--install-completion", "tongzhang version", "problem document"]
    assert [word for word in words if word not in told] == []


def _options() -> set[str]:
    return {option for each in commands()["disputes",].params for option in each.opts}


def test_every_package_and_subpackage_is_on_the_map() -> None:
    told = text_of(DOCS / "architecture.md")
    found = [path.parent for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")]
    missing = [p for p in found if f"`{p.relative_to(ROOT).as_posix()}/`" not in told]
    assert not missing


def test_every_top_level_package_is_in_the_readme() -> None:
    readme = text_of(ROOT / "README.md")
    assert not [name for name in PACKAGES if f"`{name}/`" not in readme]


# -- commands -----------------------------------------------------------------------------------


@cache
def commands() -> dict[tuple[str, ...], Any]:
    """Return every command of the command line by its words."""
    found: dict[tuple[str, ...], Any] = {}

    def walk(words: tuple[str, ...], command: Any) -> None:
        children = getattr(command, "commands", None) or {}
        for name, child in children.items():
            walk((*words, name), child)
        if not children:
            found[words] = command
        elif hasattr(command, "default"):
            found[words] = children[command.default]

    walk((), whole())
    return found


def _said_commands(page: Path) -> Iterator[list[str]]:
    text = re.sub(r"\\\n\s*", " ", text_of(page))
    spans = re.findall(r"`(tongzhang [^`\n]+)`", text)
    for _, body in FENCE.findall(text):
        spans += re.findall(r"(?:^|[|;&=(] ?|\w )(tongzhang [^|;&)\n]+)", body, re.MULTILINE)
    for span in spans:
        yield shlex.split(re.sub(r"[<>#].*| \[options\].*", "", span))[1:]


def _problem(words: list[str]) -> str | None:
    known = commands()
    count = next((n for n in (2, 1) if tuple(words[:n]) in known), 0)
    if not count:
        group = {key[0] for key in known if len(key) == 2}
        alternatives = [word for word in words[1:2] if "|" in word]
        return None if words[:1] and words[0] in group and alternatives else "no such command"
    options = {"--help", "-h"}
    for parameter in known[tuple(words[:count])].params:
        options |= {*parameter.opts, *parameter.secondary_opts}
    unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in options]
    return f"no such option: {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_that_is_written_exists(page: Path) -> None:
    said = [words for words in _said_commands(page) if words and KEBAB.fullmatch(words[0])]
    wrong = [f"{' '.join(words)}: {p}" for words in said if (p := _problem(words))]
    assert not wrong


def test_the_command_checker_bites() -> None:
    assert _problem(["init", "net", "--quorums", "3"]) == "no such option: ['--quorums']"
    assert _problem(["destroy", "net"]) == "no such command"
    assert _problem(["verify", "log", "f", "--replay"]) is None


def test_every_make_target_that_is_written_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    said = {t for page in PAGES for t in re.findall(r"(?:`|^)make ([a-z]+)", text_of(page), re.M)}
    assert said <= targets


# -- worked examples ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return shell_in(tmp_path_factory.mktemp("bin"))


@pytest.mark.parametrize(("command", "output"), EXAMPLE.findall(text_of(PAGE)))
def test_examples_of_bytes_come_out_as_written(
    shell: dict[str, str], command: str, output: str
) -> None:
    if "openssl" in command and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    ran = run(command, shell, FOLDER)
    assert ran.stdout == output, ran.stderr


def test_every_command_of_bytes_stands_above_its_output() -> None:
    assert len(EXAMPLE.findall(text_of(PAGE))) == len(fences(PAGE, "bash"))


def test_example_files_are_what_the_code_makes() -> None:
    made = files()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    stale = [name for name, content in made.items() if (FOLDER / name).read_bytes() != content]
    assert not stale, "look at the change, then: python -m tools.bytes_example"


def test_every_domain_prefix_is_on_the_page_of_bytes() -> None:
    page = text_of(DOCS / "bytes.md")
    prefixes = [v for v in vars(domains).values() if isinstance(v, bytes) and b"tongzhang" in v]
    assert not [p for p in prefixes if f"`{p.decode().rstrip()}\\n`" not in page]


def test_every_message_and_kind_of_evidence_is_on_the_page_of_bytes() -> None:
    page = text_of(DOCS / "bytes.md")
    messages = [str(kind.__struct_config__.tag) for kind in Message.__args__]
    assert not [name for name in messages if f'| `{name}` | `["{name}"' not in page]
    assert not [kind for kind in EvidenceKind.__args__ if f"`{kind}`" not in page]  # type: ignore[attr-defined]


STATEMENTS = {
    "notar": "Notar(s, {})",
    "skip": "Skip(s)",
    "final": "Final(s, {})",
    "proposal": "block {} proposed for slot s",
    "batch": "batch {} of one number",
}
RULE_OF = {"notar": "R3", "skip": "R4", "final": "R5"}


def test_what_a_voter_may_say_and_what_convicts_it_is_on_the_page_of_the_protocol() -> None:
    def said(kinds: tuple[str, ...], block: str = "h") -> list[str]:
        return [STATEMENTS[kind].format(block) for kind in kinds]

    rows = []
    for earlier, following in MAY_SAY.items():
        may = [f"{STATEMENTS[kind].format('h')} ({RULE_OF[kind]})" for kind in following]
        rows.append(f"| {', '.join(said(earlier)) or '–'} | {' or '.join(may) or '–'} |")
    for (one, other), kind in LIES.items():
        pair = f"{STATEMENTS[one].format('h')} and {STATEMENTS[other].format('h′')}"
        rows.append(f"| `{kind}` | {pair} |")
    page = text_of(DOCS / "protocol.md").splitlines()
    section = page[page.index("## What an honest voter can say about one slot") :]
    table = [line for line in section[: section.index("## Why it is safe and live")] if "|" in line]
    heads = ("| said so far |", "| evidence |", "|---|")
    assert [line for line in table if not line.startswith(heads)] == rows


def test_the_order_of_effects_is_on_the_page_of_the_protocol() -> None:
    order = ", ".join(f"`{field}`" for field in Effects.__struct_fields__)
    assert f"strictly in this order: {order} " in " ".join(text_of(DOCS / "protocol.md").split())


@pytest.mark.processes
def test_the_tour_of_the_readme_works(shell: dict[str, str], tmp_path: Path) -> None:
    port = free_ports(4)
    script = "\n".join(fences(ROOT / "README.md", "bash"))
    script = script.replace("tongzhang init net", f"tongzhang init net --base-port {port}")
    ran = run(f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}", shell, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for said in ("payment pay-1: captured", "payment pay-1: split", "good receipt", "good log"):
        assert said in ran.stdout


@pytest.mark.processes
def test_the_ten_minutes_of_loans_work(shell: dict[str, str], tmp_path: Path) -> None:
    port = free_ports(4)
    script = "\n".join(fences(DOCS / "loans.md", "bash"))
    script = script.replace("tongzhang init net", f"tongzhang init net --base-port {port}")
    (program,) = fences(DOCS / "loans.md", "python")
    for old, new in (
        ("8800", str(port)),
        ("spl-1", "spl-3"),
        ("pay-1", "pay-2"),
        ("ord-1", "ord-2"),
    ):
        program = program.replace(old, new)
    token = 'token = open("net/platform/operator.token").read().strip()'
    (tmp_path / "ask.py").write_text(f"{token}\n{program}", "utf-8")
    script = f"{script}\n{sys.executable} ask.py"
    narrow = {**shell, "COLUMNS": "80"}
    ran = run(f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}", narrow, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (shown,) = fences(DOCS / "loans.md", "text")
    for line in shown.strip("…\n ").splitlines():
        assert line.rstrip() in ran.stdout, line
    assert "'outcome': 'applied'" in ran.stdout
    for said in ("split-differs", "good receipt", "good log", "L-1: active"):
        assert said in ran.stdout
    assert {"day.xlsx", "day.json"} <= {path.name for path in tmp_path.iterdir()}
    (left,) = json.loads((tmp_path / "day.json").read_text("utf-8"))["exceptions"]
    assert (left["kind"], left["party"], left["amount"]) == ("not-paid-out", "institution", 9150)


# -- tables -------------------------------------------------------------------------------------


def test_every_record_type_is_documented_with_its_author() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", text_of(DOCS / "contracts.md"), re.M)
    documented = dict(rows)
    for name, record in RECORD_TYPES.items():
        for author in RULES[record].authors or ("party",):
            assert author in documented[name], name


def test_the_readme_says_what_init_says_of_three_and_four_parties() -> None:
    readme = " ".join(text_of(ROOT / "README.md").split())
    assert "".join(tolerance(4, 3)[3:4]) in readme
    for voters, quorum in ((4, 3), (3, 2), (3, 3), (7, 5)):
        crashes, liars = voters - quorum, 2 * quorum - voters
        assert f"| {voters} | {quorum} | {crashes} | {liars} |" in readme


KINDS = {
    "Refused": "refusal",
    "DecodeError": "bytes",
    "GenesisError": "genesis",
    "VerificationError": "check",
    "LedgerError": "ledger",
    "ConsensusError": "consensus",
    "Halt": "halt",
    "NodeError": "node",
    "PeerRefused": "peer",
    "Problem": "http",
    "CliError": "command",
    "SimulatorError": "simulation",
    "refute": "check",
}
"""What the table of errors calls an error of this class, or of a class below it, or of a method."""


def _kinds_of_classes(trees: list[ast.Module]) -> dict[str, str]:
    """Return the kind of every class of errors: its own, or that of the class it derives from."""
    bases = {
        node.name: [ast.unparse(base).split(".")[-1] for base in node.bases]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    kinds = dict(KINDS)
    for _ in range(4):  # deeper than any tree of errors
        for name, above in bases.items():
            inherited = [kinds[base] for base in above if base in kinds]
            if inherited:
                kinds.setdefault(name, inherited[0])
    return kinds


def _assigned_texts(tree: ast.Module) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    found.setdefault(target.id, set()).add(node.value.value)
    return found


def _codes_of_call(node: ast.Call, assigned: dict[str, set[str]]) -> set[str]:
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return {first.value} if KEBAB.fullmatch(first.value) else set()
    return assigned.get(first.id, set()) if isinstance(first, ast.Name) else set()


def _codes_in(tree: ast.Module, kinds: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield code and kind of every error that is made with a code written down."""
    assigned = _assigned_texts(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kind = kinds.get(ast.unparse(node.func).split(".")[-1])
            if kind is not None:
                yield from ((code, kind) for code in _codes_of_call(node, assigned))
        if isinstance(node, ast.ClassDef) and node.name in kinds:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
                    yield from ((c, kinds[node.name]) for c in _codes_of_call(call, assigned))


def _codes_of_canonical(tree: ast.Module) -> Iterator[str]:
    """Yield the codes that the canonical decoder chooses from tuples and a table."""
    yield from ("unknown-type", "invalid-field", *(code for _, code in _SCHEMA_CODES))
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Constant):
            first = node.elts[0].value
            if isinstance(first, str) and KEBAB.fullmatch(first):
                yield first


def codes_in_source() -> dict[str, set[str]]:
    """Return the kinds of every stable code of the packages' error trees."""
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    trees = {path: ast.parse(text_of(path)) for path in paths}
    kinds = _kinds_of_classes(list(trees.values()))
    pairs = {pair for tree in trees.values() for pair in _codes_in(tree, kinds)}
    canonical = trees[ROOT / "ledger" / "canonical.py"]
    pairs |= {(code, "bytes") for code in _codes_of_canonical(canonical)}
    pairs |= {(code, "node") for code in _OWNERSHIP.values()}
    pairs |= {(code, "peer") for code in CLOSE_CODES}
    pairs |= {(code, "http") for code in TABLE}
    found: dict[str, set[str]] = {}
    for code, kind in pairs:
        found.setdefault(code, set()).add(kind)
    return found


def test_every_code_is_in_the_table_of_errors_and_no_other() -> None:
    _, _, section = text_of(DOCS / "errors.md").partition("\n## Every code\n")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \| .+ \|$", section, re.MULTILINE)
    codes = [code for code, _ in rows]
    assert codes == sorted(set(codes))
    assert {code: set(kinds.split(", ")) for code, kinds in rows} == codes_in_source()


def test_the_collector_of_codes_bites() -> None:
    planted = ast.parse(
        "class Torn(Refused): ...\n"
        "code = 'torn-by-name'\n"
        "raise Torn('torn-in-two', 'x')\n"
        "raise Torn(code, 'x')\n"
    )
    found = set(_codes_in(planted, _kinds_of_classes([planted])))
    assert found == {("torn-in-two", "refusal"), ("torn-by-name", "refusal")}


# -- dependencies -------------------------------------------------------------------------------


def test_every_dependency_has_a_reason() -> None:
    import tomllib

    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[\[<>=; ]", each, maxsplit=1)[0] for listed in lists for each in listed}
    page = text_of(DOCS / "dependencies.md")
    assert not [name for name in names if f"| `{name}` |" not in page]
    modules = re.findall(
        r"golang\.org/\S+", text_of(ROOT / "tests" / "ledger" / "interop" / "go.mod")
    )
    assert all(module in page for module in modules)
