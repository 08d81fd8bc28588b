"""Texts in the language that was chosen, on the command line and in code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.main import LANGUAGE_VARIABLES
from cli.output import pairs
from tests.cli.cli_kit import run
from views import texts
from views.texts import choose, gettext, language, language_of

Captured = pytest.CaptureFixture[str]

ENGLISH = "error: no-node-named: "
CHINESE = "错误: no-node-named: "


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*LANGUAGE_VARIABLES, "TONGZHANG_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield
    choose("en")


def test_a_text_is_in_the_chosen_language_and_as_it_is_without_a_translation() -> None:
    assert (language(), gettext("yes")) == ("en", "yes")
    choose("zh")
    assert (language(), gettext("yes")) == ("zh", "是")
    assert gettext("a text of no catalogue") == "a text of no catalogue"
    assert gettext("") == ""


@pytest.mark.parametrize(
    ("locale", "wanted"),
    [
        ("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("zh-Hans", "zh"), ("zh.UTF-8", "zh"), ("ZH_TW", "zh"),
        ("en", "en"), ("de_DE.UTF-8", "en"), ("C", "en"), ("POSIX", "en"), ("", "en"),
        ("zhx", "en"),
    ],
)  # fmt: skip
def test_the_language_of_a_locale(locale: str, wanted: str) -> None:
    assert language_of(locale) == wanted


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        ("status", {}, ENGLISH),
        ("--lang zh status", {}, CHINESE),
        ("status", {"TONGZHANG_LANG": "zh"}, CHINESE),
        ("--lang en status", {"TONGZHANG_LANG": "zh"}, ENGLISH),
        ("status", {"LANG": "zh_CN.UTF-8"}, CHINESE),
        ("status", {"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_GB"}, CHINESE),
        ("status", {"LC_ALL": "en_GB", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, ENGLISH),
        ("status", {"LC_ALL": "", "LANG": "zh_CN"}, CHINESE),
        ("--lang ZH status", {}, CHINESE),
        ("--lang zh_CN status", {"TONGZHANG_LANG": "en"}, CHINESE),
        ("--lang zh-Hans status", {}, CHINESE),
        ("--lang zh_CN.UTF-8 status", {}, CHINESE),
        ("--lang EN_gb status", {"LANG": "zh_CN"}, ENGLISH),
        ("status", {"TONGZHANG_LANG": "zh-Hant-TW"}, CHINESE),
        ("status", {"TONGZHANG_LANG": "en", "LC_ALL": "zh_CN"}, ENGLISH),
    ],
)
def test_who_says_the_language(
    words: str,
    environment: dict[str, str],
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(*words.split()) == 2
    assert capsys.readouterr().err.startswith(said)


def test_one_call_does_not_choose_for_the_next(capsys: Captured) -> None:
    run("--lang", "zh", "status")
    run("status")
    chinese, _, english, _ = capsys.readouterr().err.splitlines()
    assert (chinese[: len(CHINESE)], english[: len(ENGLISH)]) == (CHINESE, ENGLISH)


def test_a_wrong_call_is_answered_in_the_language_of_the_line(capsys: Captured) -> None:
    assert run("--lang", "zh", "nonsense") == 2
    assert capsys.readouterr().err == (
        "错误: usage: No such command 'nonsense'.\n  下一步: tongzhang --help\n"
    )


@pytest.mark.parametrize("wanted", ["fr", "zhx", "english", "cn", "_zh", "C", "中文"])
def test_a_language_that_is_none_is_refused_with_a_hint(
    wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert run("--lang", wanted, "version") == 2
    refused = capsys.readouterr().err
    assert f"{wanted!r} is none of {', '.join(texts.LANGUAGES)}" in refused
    assert "write --lang zh for Chinese" in refused
    monkeypatch.setenv("TONGZHANG_LANG", wanted)
    assert run("version") == 2
    shown = capsys.readouterr()
    assert (shown.out, "TONGZHANG_LANG" in shown.err) == ("", True)


def test_columns_stand_one_below_the_other_in_chinese_too(capsys: Captured) -> None:
    pairs([("参与方", "a"), ("log", "b"), ("状态哈希", "c"), ("", "d")])
    assert capsys.readouterr().out == "参与方    a\nlog       b\n状态哈希  c\n          d\n"
