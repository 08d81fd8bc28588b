"""The simulator's page of a real node, in a real browser: choose, run, watch."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from demo.stage.network import found_network
from demo.stage.processes import NodeProcess, stop_all
from simulator import library
from tests.cli.nodes_kit import get, until
from tests.web.chromium_kit import chromium
from tests.web.player_kit import PHONE, WIDE

pytestmark = pytest.mark.processes
RUN_MS = 90_000
TWO = [("platform", "platform"), ("institution", "institution")]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    """Return two nodes, of which the first one offers the simulator."""
    folder = tmp_path_factory.mktemp("simulator") / "net"
    network = found_network(folder, "watched", TWO, 2)  # type: ignore[arg-type]
    try:
        network.nodes[0].start("--simulator")
        network.nodes[1].start()
        until(network.nodes, lambda node: get(node, "/livez").get("alive") is True)
        yield network.nodes
    finally:
        stop_all(network.nodes)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def signed_in(browser: Browser, node: NodeProcess, locale: str = "en-GB") -> tuple[Page, list[str]]:
    """Return the simulator's page after signing in, and what it complains of."""
    page = browser.new_context(viewport=WIDE, locale=locale).new_page()  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{node.url}/simulator")
    page.fill("#token", node.token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/simulator")
    return page, complaints


def test_a_scenario_is_chosen_run_and_watched(browser: Browser, nodes: list[NodeProcess]) -> None:
    page, complaints = signed_in(browser, nodes[0])
    page.select_option("[name=scenario]", "leader-lies-to-halves")
    story = " ".join(library.load("leader-lies-to-halves").story.split())
    assert page.inner_text("[data-story]") == story
    assert page.input_value("[name=seed]") == ""
    expect(page.locator("[name=nodes]")).to_be_hidden()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#player .sim-badge")).to_have_text("All checks passed", timeout=RUN_MS)
    assert "Convicted: Platform" in page.inner_text(".sim-figures")
    code = page.inner_text(".sim-command code")
    assert code == "tongzhang simulate --scenario leader-lies-to-halves"
    page.wait_for_timeout(500)
    assert page.locator(".sim-told li").count() > 0  # it plays
    assert complaints == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_run_is_drawn_as_chosen_in_chinese(browser: Browser, nodes: list[NodeProcess]) -> None:
    page, complaints = signed_in(browser, nodes[0], "zh-CN")
    page.fill("[name=seed]", "5")
    page.fill("[name=blocks]", "3")
    page.select_option("[name=liar]", "funder")
    page.select_option("[name=lie]", "equivocator")
    page.check("[name=how][value=named]")
    page.check("[name=trouble][value=partition]")
    page.get_by_role("button", name="运行").click()
    expect(page.locator("#player .sim-badge")).to_have_text("全部检查通过", timeout=RUN_MS)
    assert page.inner_text(".sim-command code") == (
        "tongzhang simulate --seed 5 --nodes 4 --blocks 3 --byzantine funder=equivocator "
        "--trouble partition"
    )
    assert "网络分区" in page.inner_text(".sim-marks")
    assert complaints == []


def test_axe_finds_nothing_serious_in_the_form(browser: Browser, nodes: list[NodeProcess]) -> None:
    page, _ = signed_in(browser, nodes[0])
    page.check("[name=how][value=named]")
    cookies = page.context.cookies()
    free = browser.new_context(viewport=WIDE, bypass_csp=True)  # type: ignore[arg-type]
    free.add_cookies(cookies)  # type: ignore[arg-type]
    again = free.new_page()
    again.goto(f"{nodes[0].url}/simulator")
    again.locator("[data-simulate]").wait_for()
    found = Axe().run(again).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


def test_a_node_without_simulator_says_how_to_have_one(
    browser: Browser, nodes: list[NodeProcess]
) -> None:
    page, _ = signed_in(browser, nodes[1])
    expect(page.get_by_text("tongzhang node HOME --simulator")).to_be_visible()
    expect(page.locator("[data-simulate]")).to_be_hidden()


def test_pages_lead_to_the_simulator_of_a_node_that_offers_one(
    browser: Browser, nodes: list[NodeProcess]
) -> None:
    for node, count in zip(nodes, (1, 0), strict=True):
        page, _ = signed_in(browser, node)
        page.goto(f"{node.url}/lists")
        expect(page.locator("header nav a[href='/simulator']")).to_have_count(count)
        expect(page.locator("header nav a[href='/lists']")).to_have_count(1)


@pytest.mark.parametrize(("locale", "told"), [("en-GB", "blocks"), ("zh-CN", "无法模拟")])
def test_what_is_refused_is_told_in_the_form(
    browser: Browser, nodes: list[NodeProcess], locale: str, told: str
) -> None:
    page, _ = signed_in(browser, nodes[0], locale)
    page.evaluate("document.querySelector('[data-simulate]').noValidate = true")
    page.fill("[name=blocks]", "301")
    page.locator("[data-simulate] [type=submit]").click()
    expect(page.locator("[data-said]")).to_contain_text(told)


def test_a_page_of_another_host_cannot_begin_a_run(
    browser: Browser, nodes: list[NodeProcess]
) -> None:
    page, _ = signed_in(browser, nodes[0])
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}  # type: ignore[typeddict-item]
    body = json.dumps({"calm": True, "blocks": 1})
    for site, status in (("cross-site", 401), ("same-site", 401), ("same-origin", 202)):
        answer = httpx.post(
            f"{nodes[0].url}/v1/simulations",
            content=body,
            cookies=cookies,
            headers={"sec-fetch-site": site},
            trust_env=False,
        )
        assert answer.status_code == status, (site, answer.text)
