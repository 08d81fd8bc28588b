"""The page on which files are checked, in Chromium, as a real node serves it."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, Request

from cli.parties import parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import stop_all
from ledger.contracts import RECORD_TYPES
from ledger.currencies import CODES, decimal
from tests.api.api_kit import captured, post
from tests.api.test_readers import client_of, is_ready, until
from tests.consensus import test_evidence_file as evidence
from tests.web.chromium_kit import chromium
from tests.web.test_verify_agreement import STATIC, laid_out
from tests.web.tools_kit import CHROMIUM, NODE
from tests.web.verify_cases import EXAMPLE, GOLDEN, policy_of
from tests.web.verify_forge import CORRUPTIONS, GENESIS, GOOD, forged

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    folder = tmp_path_factory.mktemp("verify") / "net"
    network = found_network(folder, "test", parse_parties("platform,institution"), 2)
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until(lambda node=node: is_ready(node))  # type: ignore[misc]
        yield network
    finally:
        stop_all(network.nodes)


@pytest.fixture(scope="module")
def own(network: LocalNetwork) -> dict[str, bytes]:
    """What a node gives: a receipt, a checkpoint, genesis and policy."""
    with client_of(network.node("institution")) as client:
        post(client, captured("P-1", "cap-1", 123_456))
        until(lambda: client.get("/v1/receipts/institution/cap-1").status_code == 200)
        addresses = {
            "r.tlog-proof": "/v1/receipts/institution/cap-1", "checkpoint.txt": "/v1/checkpoint",
            "genesis.json": "/v1/genesis", "policy.txt": "/v1/policy",
        }  # fmt: skip
        return {name: client.get(address).content for name, address in addresses.items()}


class Visitor:
    """A page with what it asked for and what it complained about."""

    def __init__(self, page: Page, network: LocalNetwork) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.goto(f"{network.node('institution').url}/verify")
        page.wait_for_load_state("networkidle")
        page.on("request", lambda request: self.requests.append(request))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def give(self, **files: bytes | str) -> None:
        """Choose files; a name's ``_`` is its dot."""
        before = self.status()
        payloads = [
            FilePayload(
                name=name.replace("_", "."),
                mimeType="application/octet-stream",
                buffer=body if isinstance(body, bytes) else body.encode(),
            )
            for name, body in files.items()
        ]
        self.page.set_input_files("[data-verify=files]", payloads)
        self.page.wait_for_function(
            "before => document.querySelector('[data-verify=status]').textContent !== before",
            arg=before,
        )

    def status(self) -> str:
        return self.page.inner_text("[data-verify=status]")

    def result(self, name: str) -> Any:
        """Return the card of a file."""
        exactly = re.compile(f"^{re.escape(name)}$")
        return self.page.locator("article", has=self.page.locator("h2 bdi", has_text=exactly))

    def banner(self, name: str) -> str:
        return str(self.result(name).locator("> .banner").inner_text())

    def steps(self, name: str) -> dict[str, str]:
        found = self.result(name).locator(".step").evaluate_all(
            "all => all.map((own) => [own.dataset.step, own.classList[1]])"
        )  # fmt: skip
        return dict(found)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def session(browser: Browser, network: LocalNetwork) -> Any:
    """Sign in once."""
    page, node = browser.new_page(), network.node("institution")
    page.goto(f"{node.url}/sign-in?to=/verify")
    page.fill("[name=token]", node.token)
    page.press("[name=token]", "Enter")
    page.wait_for_url("**/verify")
    return page.context.storage_state()


@pytest.fixture
def visits(
    browser: Browser, network: LocalNetwork, session: Any
) -> Iterator[Callable[..., Visitor]]:
    """Open the page as often as it is wanted; nothing may complain."""
    opened: list[Visitor] = []

    def visit(**context: Any) -> Visitor:
        opened.append(Visitor(browser.new_page(storage_state=session, **context), network))
        return opened[-1]

    yield visit
    for each in opened:
        each.page.close()
    assert [each.complaints for each in opened] == [[]] * len(opened)


@pytest.fixture
def visitor(visits: Callable[..., Visitor]) -> Visitor:
    return visits(locale="en-US")


def test_a_receipt_of_the_node_is_proved_in_one_sentence_and_without_any_request(
    visitor: Visitor, own: dict[str, bytes], network: LocalNetwork
) -> None:
    visitor.give(genesis_json=own["genesis.json"], **{"r.tlog-proof": own["r.tlog-proof"]})
    size = visitor.result("r.tlog-proof").locator("dd").all_inner_texts()
    said = visitor.banner("r.tlog-proof")
    found = re.fullmatch(
        r"Entry (\d+): institution stated payment captured ¥1,234\.56 \(cap-1\), applied, in the "
        r"log of (\d+) entries, signed by 2 of 2: institution, platform\.",
        said,
    )
    assert found, said
    assert set(visitor.steps("r.tlog-proof").values()) == {"good"}
    assert any("payment.captured" in text for text in size)
    assert visitor.requests == [], "nothing leaves the browser"


def test_the_founding_document_of_the_node_is_taken_with_one_press_and_shown(
    visitor: Visitor, own: dict[str, bytes]
) -> None:
    visitor.give(checkpoint_txt=own["checkpoint.txt"])
    assert "Nothing says whom to trust" in visitor.banner("checkpoint.txt")
    waiting = visitor.result("checkpoint.txt")
    assert waiting.get_attribute("data-result") == "untrusted"  # not proved bad, not checked yet
    assert not waiting.locator(".bad").count()
    visitor.page.click("[data-verify=fetch]")
    visitor.page.wait_for_selector("[data-verify=trusted] .hash")
    assert [request.url.split("/v1")[1] for request in visitor.requests] == ["/genesis"]
    shown = visitor.page.inner_text("[data-verify=trusted]")
    ledger = own["checkpoint.txt"].split(b"\n")[0].split(b"/")[-1].decode()
    assert ledger in shown and "from this node" in shown and "institution" in shown
    for member in json.loads(own["genesis.json"])["members"]:
        assert b64decode(member["key"]).hex() in shown
    assert visitor.banner("checkpoint.txt").startswith("A log of ")
    assert visitor.result("checkpoint.txt").get_attribute("data-result") == "good"


def test_every_named_corruption_is_shown_red_at_its_step_and_in_words(visitor: Visitor) -> None:
    visitor.give(genesis_json=GENESIS.raw, good=GOOD)
    assert visitor.banner("good").startswith("Entry 5: platform stated split instructed ¥1,234.56")
    visitor.give(**{f"case-{number}": text for number, text in enumerate(CORRUPTIONS.values())})
    for number, (name, text) in enumerate(CORRUPTIONS.items()):
        result = visitor.result(f"case-{number}")
        if not text.startswith("c2sp.org/tlog-proof@"):
            assert result.get_attribute("data-result") != "good", name
            continue
        assert visitor.banner(f"case-{number}").startswith("Not proved. "), name
        states = [*visitor.steps(f"case-{number}").values()]
        at = states.index("bad")
        assert states[:at] == ["good"] * at
        assert set(states[at + 1 :]) <= {"skipped"}
        assert result.locator(".step.bad dl").last.inner_text().startswith("code"), name
    assert visitor.requests == []


def test_what_was_expected_and_what_came_stand_at_the_step_that_fails(visitor: Visitor) -> None:
    visitor.give(genesis_json=GENESIS.raw, bad=CORRUPTIONS["a changed amount"])
    failed = visitor.result("bad").locator(".step.bad")
    assert failed.get_attribute("data-step") == "inclusion"
    shown = failed.inner_text()
    root = b64decode(GOOD.split("\n\n")[1].split("\n")[2]).hex()
    assert f"expected\n{root}" in shown.replace("\n\n", "\n")
    came = re.search(r"came\s+([0-9a-f]{64})", shown)
    assert came and came[1] != root
    assert visitor.steps("bad") | {} == {
        "read": "good", "origin": "good", "signatures": "good", "quorum": "good", "leaf": "good",
        "inclusion": "bad", "author": "skipped", "batch": "skipped", "named": "skipped",
    }  # fmt: skip
    assert "The log contains the entry" in visitor.result("bad").inner_text()
    assert "Do not rely on this file." in visitor.result("bad").inner_text()


def test_evidence_policies_and_other_files_are_known_by_their_content(visitor: Visitor) -> None:
    policy = policy_of(GENESIS)
    visitor.give(
        evidence=evidence.FILES["two-batches"], genesis_json=GENESIS.raw, policy=policy,
        other=policy.replace("consortium 3", "consortium 2"), picture=b"\x89PNG\r\n\x1a\n",
        log=(EXAMPLE / "log.ndjson").read_bytes(), golden=(GOLDEN / "checkpoint.txt").read_bytes(),
    )  # fmt: skip
    assert visitor.banner("evidence") == (
        "funder signed two batches with one number (1). Its key has signed both. They do not say "
        "whether it lied, was put back to an old copy, or its key is used elsewhere."
    )
    assert visitor.banner("policy") == "Consortium test: 3 of 4 must sign."
    assert "not that of the founding document" in visitor.banner("other")
    assert "tongzhang verify log" in visitor.banner("log")
    assert "no receipt, checkpoint" in visitor.banner("picture")
    assert visitor.banner("golden").startswith("Not proved. The checkpoint is of another ledger.")
    assert visitor.requests == []


def test_a_policy_alone_is_enough_and_paste_is_as_good_as_a_file(visitor: Visitor) -> None:
    for text in (policy_of(GENESIS), GOOD):
        visitor.page.fill("#pasted", text)
        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_function("document.querySelector('#pasted').value === ''")
    assert visitor.banner("pasted text").startswith("Entry 5: platform stated")
    assert visitor.requests == []


def test_files_are_dropped(visitor: Visitor) -> None:
    visitor.give(genesis_json=GENESIS.raw)
    visitor.page.evaluate(
        """(text) => {
          const given = new DataTransfer();
          given.items.add(new File([text], "dropped.tlog-proof"));
          const target = document.querySelector("[data-verify=drop]");
          const drop = (name) => target.dispatchEvent(new DragEvent(name,
            { bubbles: true, cancelable: true, dataTransfer: given }));
          return [drop("dragover"), drop("drop")];
        }""",
        GOOD,
    )
    visitor.page.wait_for_selector("text=dropped.tlog-proof")
    assert visitor.result("dropped.tlog-proof").get_attribute("data-result") == "good"


def test_the_text_of_a_record_is_text(visitor: Visitor) -> None:
    bad = (
        '{"amount":1,"id":"\u202e<img src=x onerror=alert(1)>","type":"<script>alert(2)</script>"}'
    )
    visitor.page.on("dialog", lambda dialog: visitor.complaints.append(dialog.message))
    visitor.give(genesis_json=GENESIS.raw, xss=forged(records=(bad.encode(),) * 3))
    said = visitor.banner("xss")
    assert "<img src=x onerror=alert(1)>" in said and "<script>" in said
    assert "\\u202e" in said and "\u202e" not in visitor.result("xss").inner_text()
    assert visitor.page.locator("article img, article script").count() == 0


def test_hashes_are_whole_and_can_be_copied(visitor: Visitor, own: dict[str, bytes]) -> None:
    visitor.give(genesis_json=own["genesis.json"], **{"r.tlog-proof": own["r.tlog-proof"]})
    buttons = visitor.result("r.tlog-proof").locator(".copy")
    values = buttons.evaluate_all("all => all.map((own) => own.dataset.copy)")
    shown = visitor.result("r.tlog-proof").locator("code").all_inner_texts()
    hashes = [value for value in values if re.fullmatch("[0-9a-f]{64}", value)]
    assert len(hashes) > 5 and set(hashes) <= set(shown)
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    last = visitor.result("r.tlog-proof").locator("[data-step=inclusion] .copy").last
    last.click()
    wanted = last.get_attribute("data-copy")
    visitor.page.wait_for_function(
        "async (text) => (await navigator.clipboard.readText()) === text", arg=wanted
    )


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [("en", 390, "light"), ("zh", 390, "dark"), ("zh", 820, "light"), ("en", 1440, "dark")],
)
def test_the_page_reads_well_at_each_width_in_each_language_and_theme(
    visits: Callable[..., Visitor], own: dict[str, bytes], language: str, width: int, theme: str
) -> None:
    visitor = visits(
        locale={"en": "en-US", "zh": "zh-CN"}[language],
        color_scheme=theme,
        viewport={"width": width, "height": 900},
    )
    page = visitor.page
    visitor.give(
        genesis_json=own["genesis.json"],
        bad=own["r.tlog-proof"].replace(b"index ", b"index 1"),
        **{"r.tlog-proof": own["r.tlog-proof"]},
    )
    said = visitor.banner("r.tlog-proof")
    assert said.startswith({"en": "Entry ", "zh": "条目 "}[language])
    assert ("收款 ¥1,234.56" in said) == (language == "zh")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "nothing sticks out at the side"
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


# -- words ----------------------------------------------------------------------------------------


def words(folder: Path) -> Any:
    """Return the words of both languages, by running the modules."""
    laid_out(folder, {})
    script = (
        "import en from './static/verify/words-en.js';"
        "import zh from './static/verify/words-zh.js';"
        "import { money } from './static/verify/words.js';"
        "import { PLANS } from './static/verify/steps.js';"
        f"const codes = {json.dumps(CODES)};"
        "console.log(JSON.stringify({en, zh, plans: PLANS,"
        " money: codes.map((code) => money(123456789n, code))}))"
    )
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", script],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_every_word_is_there_in_both_languages(tmp_path: Path) -> None:
    found = words(tmp_path)
    en, zh = found["en"], found["zh"]
    assert set(en) == set(zh)
    for part in set(en) - {"types"}:
        assert set(en[part]) == set(zh[part]), part
    for name, text in en["said"].items():
        fields = [sorted(re.findall(r"\{[a-z]+\}", each)) for each in (text, zh["said"][name])]
        assert fields[0] == fields[1], name
    assert set(zh["types"]) == {*RECORD_TYPES}
    assert {step for plan in found["plans"].values() for step in plan} == set(en["steps"])
    sources = "".join(path.read_text("utf-8") for path in (STATIC / "verify").glob("*.js"))
    thrown = set(re.findall(r'(?:Refusal\(|code = |textOf\([a-z.]+, )"([a-z0-9-]+)"', sources))
    in_trees = re.findall(
        r'"([a-z-]+)"', sources.partition("function problemIn")[2].split("\n}")[0]
    )
    assert thrown | {*in_trees, "float", "null"} - {"int", "string"} == set(en["codes"])
    told = re.findall(r"tell\(([^,]+),", sources)
    named = {name for each in told for name in re.findall(r'"([a-z-]+)"', each)} - {"left", "right"}
    assert named | {"left", "right", "expected", "came", "code"} == set(en["facts"])


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_money_is_written_in_each_currencys_own_decimals(tmp_path: Path) -> None:
    shown = dict(zip(CODES, words(tmp_path)["money"], strict=True))
    assert shown.pop("CNY") == "¥1,234,567.89"
    assert shown == {
        code: f"{decimal(123456789, code, ',')} {code}" for code in CODES if code != "CNY"
    }


def test_strangers_are_asked_to_sign_in(network: LocalNetwork) -> None:
    answer = httpx.get(
        f"{network.node('institution').url}/verify",
        headers={"accept": "text/html"}, trust_env=False,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?to=%2Fverify")
