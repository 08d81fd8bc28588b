"""The player in a real browser: a file from disk that asks nothing of any network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from simulator import library
from tests.web.chromium_kit import chromium
from tests.web.player_kit import PHONE, Opened, written
from web.recording_page import MODULES, STATIC, inert, joined_script, page

FRAME_MS = 1000 / 60
LIES = ("--scenario", "leader-lies-to-halves")
TIMES = re.compile(r"[0-9]+\.[0-9]{3} s")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def lies(folder: Path) -> Path:
    return written(folder / "lies.html", *LIES)


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    return written(folder / "long.html", "--seed", "3", "--nodes", "7")


def recording_of(path: Path) -> dict[str, Any]:
    found = re.search(r'id="recording">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_a_file_plays_without_complaint_and_asks_for_nothing(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, locale="en-GB") as opened:
        opened.page.wait_for_timeout(800)
        assert opened.page.evaluate("player.clock.isPlaying") is True  # it begins by itself
        assert opened.now() > 0
        assert opened.page.evaluate("player.frameMs.length") > 10
        assert opened.complaints == []
        assert opened.asked == [lies.as_uri()]


def test_its_policy_lets_nothing_else_run(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=0") as opened:
        opened.page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
            " document.body.append(s); const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; }"
        )
        opened.page.wait_for_timeout(200)
        assert opened.page.evaluate("window.bad") is None
        assert len([said for said in opened.complaints if "Content Security Policy" in said]) == 2


def test_keys_play_step_and_choose_the_speed(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=0") as opened:
        press = opened.page.keyboard.press
        finals = opened.page.evaluate("[...player.recording.finalTimes]")
        press("ArrowRight")
        press("ArrowRight")
        assert opened.now() == finals[1]
        press("ArrowLeft")
        assert opened.now() == finals[0]
        press("Shift+ArrowRight")
        assert opened.now() in opened.page.evaluate("player.marked.map((mark) => mark.at)")
        press("End")
        assert opened.now() == opened.page.evaluate("player.recording.end")
        press("Home")
        assert opened.now() == 0
        press("+")
        assert opened.page.evaluate("player.clock.speed") == 2
        press(" ")
        opened.page.wait_for_timeout(300)
        assert opened.now() > 0
        press(" ")
        stopped = opened.now()
        opened.page.wait_for_timeout(150)
        assert opened.now() == stopped


def test_the_time_line_is_scrubbed_by_mouse(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=0") as opened:
        line = opened.page.get_by_role("slider")
        box = line.bounding_box()
        assert box
        middle = box["y"] + box["height"] / 2
        opened.page.mouse.move(box["x"] + box["width"] / 4, middle)
        opened.page.mouse.down()
        end = opened.page.evaluate("player.recording.end")
        assert opened.now() == pytest.approx(end / 4, rel=0.02)
        opened.page.mouse.move(box["x"] + box["width"] / 2, middle)
        opened.page.mouse.up()
        assert opened.now() == pytest.approx(end / 2, rel=0.02)
        said = line.get_attribute("aria-valuetext")
        assert said and TIMES.fullmatch(said)


def test_the_time_line_is_scrubbed_by_touch(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=0", viewport=PHONE, has_touch=True, is_mobile=True) as opened:
        box = opened.page.get_by_role("slider").bounding_box()
        assert box
        opened.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        end = opened.page.evaluate("player.recording.end")
        assert opened.now() == pytest.approx(end / 2, rel=0.02)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_marked_moments_are_jumped_to(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=0&lang=en") as opened:
        opened.page.get_by_role("button", name="keeps evidence against Platform").first.click()
        evidence = [event for event in recording_of(lies)["events"] if event[2] == "evidence"]
        assert opened.now() == evidence[0][0]
        assert "evidence against Platform" in opened.told()[0]


def test_a_liar_is_marked_and_the_evidence_is_told(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=1000000&lang=en") as opened:
        told = opened.page.evaluate(
            "player.moments.map((moment) => player.words.sentence(moment)).join('\\n')"
        )
        assert "Platform lies: a second block → " in told
        assert "keeps evidence against Platform: two blocks proposed in one slot" in told
        assert "Convicted: Platform" in opened.page.inner_text(".sim-figures")
        assert opened.page.inner_text(".sim-badge") == "All checks passed"
        assert opened.page.evaluate("player.recording.nodes.filter((n) => n.lie).length") == 1


def test_a_fork_is_no_plain_success(browser: Browser, folder: Path) -> None:
    fork = written(folder / "fork.html", "--scenario", "two-liars-of-four")
    with Opened(browser, fork, "lang=en") as opened:
        badge = opened.page.locator(".sim-badge")
        expect(badge).to_have_text("Forked as the story says; convicted: Auditor, Funder")
        expect(badge).to_have_class(re.compile("warn"))
        opened.page.keyboard.press("End")
        told = opened.page.locator(".sim-told li span").first
        assert told.evaluate("(line) => line.scrollWidth <= line.clientWidth")


def test_what_is_shown_agrees_with_the_recording(browser: Browser, lies: Path) -> None:
    document = recording_of(lies)
    with Opened(browser, lies, "at=1000000&lang=en") as opened:
        shown = opened.page.locator(".sim-now dd").all_inner_texts()
        assert shown[1] == str(document["verdict"]["blocks"])
        applied, refused = (document["tally"][name][-1] for name in ("applied", "refused"))
        assert shown[3] == f"{applied}" + (f" · {refused} refused" if refused else "")
        opened.page.get_by_text("The run as text").click()
        expect(opened.page.locator(".sim-table tbody tr")).to_have_count(len(document["blocks"]))
        assert opened.page.inner_text(".sim-command code") == document["command"]
        assert document["command"] == " ".join(("tongzhang simulate", *LIES))


def test_messages_under_way_are_those_that_have_left_and_not_arrived(
    browser: Browser, lies: Path
) -> None:
    with Opened(browser, lies, "at=0") as opened:
        differ = opened.page.evaluate(
            """() => {
              const r = player.recording;
              const found = [];
              for (let i = 0; i <= 400; i++) {
                const at = (r.end * i) / 400;
                let all = 0;
                for (let m = 0; m < r.count; m++) all += r.at[m] <= at && at < r.at[m] + r.took[m];
                if (r.inFlight(at, 1e9, () => {}) !== all) found.push(at);
              }
              return found;
            }"""
        )
        assert differ == []


def test_three_hundred_blocks_of_seven_nodes_play_smoothly(browser: Browser, long: Path) -> None:
    """The issue's number: at 60 frames a second drawing leaves room in each, at 20×."""
    with Opened(browser, long, "at=0") as opened:
        assert recording_of(long)["verdict"]["blocks"] >= 300
        opened.page.evaluate("() => { player.clock.speed = 20; player.toggle(); }")
        opened.page.wait_for_timeout(6000)
        frames = opened.page.evaluate("player.frameMs")
        assert len(frames) > 60
        assert opened.now() > 0
        slow = quantiles(frames, n=20)[-1]
        print(f"frame: median {median(frames):.2f} ms, 95th percentile {slow:.2f} ms")
        assert median(frames) < FRAME_MS


def test_both_languages_and_themes_are_chosen_in_the_file(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, "at=100", locale="zh-CN", color_scheme="dark") as opened:
        page = opened.page
        assert page.get_attribute("html", "lang") == "zh-CN"
        assert page.inner_text(".sim-badge") == "全部检查通过"
        assert library.load(LIES[1]).story_zh in page.inner_text(".sim-head")
        before = page.evaluate("player.colors.surface")
        page.click("#theme")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.wait_for_function(f"player.colors.surface !== '{before}'")
        page.click("#language")
        assert page.get_attribute("html", "lang") == "en"
        assert page.inner_text(".sim-badge") == "All checks passed"
        assert opened.now() == 100_000  # the moment stays
        assert opened.complaints == []


def test_nothing_moves_by_itself_where_motion_is_not_wanted(browser: Browser, lies: Path) -> None:
    with Opened(browser, lies, reduced_motion="reduce") as opened:
        opened.page.wait_for_timeout(300)
        assert opened.now() == 0
        opened.page.keyboard.press(" ")
        opened.page.wait_for_timeout(1500)
        assert opened.now() > 0
        assert opened.page.evaluate("player.frameMs.length") <= 3


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, lies: Path, language: str, theme: str) -> None:
    with Opened(browser, lies, f"at=160&lang={language}&theme={theme}", bypass_csp=True) as opened:
        found = Axe().run(opened.page).response["violations"]
        serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert serious == [], found


def test_texts_of_a_recording_cannot_break_out(browser: Browser, folder: Path, lies: Path) -> None:
    document = recording_of(lies)
    attack = "</script><script>window.bad = 1</script><img src=x onerror='window.bad = 1'><!--"
    document["story"] = {"en": attack, "zh": attack}
    document["command"] = document["plan"] = attack
    document["nodes"][0]["name"] = document["nodes"][0]["party"] = attack
    document["nodes"][1]["lie"] = {"name": attack, "en": attack, "zh": attack}
    document["faults"] = [{"kind": attack, "who": [attack], "begin": 0, "end": 10**9, "for_ms": 1}]
    document["events"] = [[0, 0, kind, attack] for kind in ("lie", "halt", "violation", "evidence")]
    document["verdict"]["checks"] = [[attack, attack, attack, attack]]
    document["verdict"]["finding"] = {"invariant": attack, "text": attack, "at_ms": 1, "step": 1}
    path = folder / "attack.html"
    path.write_bytes(page(json.dumps(document).encode()))
    assert attack not in path.read_text("utf-8")
    with Opened(browser, path, "at=1&lang=en") as opened:
        assert opened.page.evaluate("window.bad") is None
        assert attack in opened.page.inner_text(".sim-head p")
        assert opened.page.inner_text(".sim-command code") == attack
        assert opened.page.locator("#player img, #player script").count() == 0
        assert opened.asked == [path.as_uri()]
        assert opened.complaints == []


def test_inert_json_means_the_same() -> None:
    text = json.dumps({"a": "</script>\u2028\u2029<!--"}, ensure_ascii=False)
    assert "<" not in inert(text)
    assert json.loads(inert(text)) == json.loads(text)


def test_modules_are_joined_in_order_and_no_name_stands_twice() -> None:
    script = joined_script()
    assert "import {" not in script and "\nexport " not in script
    assert "</script" not in script.lower()
    names = re.findall(r"^(?:async )?(?:const|let|class|function) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names))
    files = {path.name for path in Path(str(STATIC)).glob("*.js")}
    assert files == {f"{name}.js" for name in (*MODULES, "form")}
