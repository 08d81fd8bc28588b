"""The whole site, walked from link to link in both languages, over records that try everything."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ledger.contracts import RECORD_TYPES
from tests.views.views_kit import VIEWS
from tests.web.hostile_kit import HOSTILE, Hostile, HostileLoans, hostile_loans, hostile_month
from tests.web.texts_kit import free_texts, free_texts_of
from tests.web.walk_kit import Walk
from tools import catalogue
from views.labels import labels_of
from views.texts import harmless
from web.headers import SECURITY
from web.values import LINKS

STARTS = ("/", "/lists", "/chain", "/chain/entries", "/chain/evidence", "/find")
WITHOUT_TWIN = {
    "/lists",
    "/simulator",
    "/verify",
    "/search",
    "/search?columns=all",
    "/fees/charges",
    "/fees/charges?columns=all",
}
"""Pages that show nothing of the ledger; of some lists nothing is asked yet."""
LANGUAGES = ("en", "zh")
CHINESE = re.compile("[\u4e00-\u9fff]")
GLOSS = re.compile(r"\([\u4e00-\u9fff]+\)")
"""A term of the trade in an English text, in its own language."""
STEERING = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    made = hostile_month(tmp_path_factory.mktemp("month"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileLoans]:
    made = hostile_loans(tmp_path_factory.mktemp("loans"))
    yield made
    made.close()


class Walked:
    """A site that was walked in one language."""

    def __init__(self, ledger: Hostile, language: str) -> None:
        self.ledger, self.language = ledger, language
        self.walk = Walk(ledger.client, {"zh": "zh-CN"}.get(language, language))
        self.pages = self.walk.pages(*STARTS)


@pytest.fixture(
    scope="module", params=[f"{n} {lang}" for n in ("business", "loans") for lang in LANGUAGES]
)
def walked(request: pytest.FixtureRequest) -> Walked:
    name, language = request.param.split(" ")
    return Walked(request.getfixturevalue(name), language)


def test_every_link_leads_somewhere(walked: Walked) -> None:
    assert not [each.address for each in walked.pages if each.status != 200]
    assert {response.status_code for response in walked.walk.files.values()} == {200}
    assert len(walked.pages) > 60


def test_every_page_is_whole(walked: Walked) -> None:
    for page in walked.pages:
        assert [each["lang"] for each in page.all("html")] == [
            {"zh": "zh-CN"}.get(walked.language, "en")
        ]
        assert len(page.all("h1")) == 1, page.address
        title = next(text for text, inside in page.texts if inside[-1:] == ("title",))
        assert not title.startswith("·"), page.address
        assert {name: page.headers.get(name) for name in SECURITY} == dict(SECURITY)
        assert page.headers["cache-control"] == "no-store"


def test_every_twin_answers(walked: Walked) -> None:
    """A page's twin is linked to on it: it is among what was loaded, or is asked for here."""
    for page in walked.pages:
        if page.status != 200:
            continue
        twins = [
            each["href"]
            for each in page.all("a")
            if each.get("href", "").startswith("/v1/") and "download" not in each
        ]
        is_unasked = page.address in WITHOUT_TWIN or page.address.endswith("/allocation")
        assert twins or is_unasked, page.address
        for twin in twins:
            answer = walked.walk.files.get(twin) or walked.ledger.client.get(twin)
            assert answer.status_code == 200, twin
            assert answer.headers["content-type"] == "application/json"


def test_text_of_records_is_inert(walked: Walked) -> None:
    for page in walked.pages:
        scripts = page.all("script")
        assert all(each.get("src", "").startswith("/static/") for each in scripts), page.address
        assert not page.all("img") + page.all("style") + page.all("iframe"), page.address
        for tag, attributes in page.elements:
            assert not [n for n in attributes if n == "style" or n.startswith("on")], (
                page.address,
                tag,
            )
            for name in ("href", "src", "action"):
                assert attributes.get(name, "/").startswith(("/", "?", "#")), (
                    page.address,
                    attributes,
                )
                assert not attributes.get(name, "").startswith("//")
        shown = [text for text, _ in page.texts] + [a.get("title", "") for _, a in page.elements]
        assert not [text for text in shown if STEERING.search(text)], page.address


def test_every_free_text_stands_on_the_page_of_its_entry_written_out(walked: Walked) -> None:
    seen: set[str] = set()
    for entry in walked.ledger.get("/v1/entries", limit=1000)["entries"]:
        texts = free_texts_of(entry["record"])
        if not texts or (texts <= seen and entry["index"] % 10):
            continue
        page = walked.walk.page(f"/chain/entries/{entry['index']}")
        assert page is not None
        shown = page.text.replace("\\\\", "\\").replace('\\"', '"')
        assert not [each for each in texts if harmless(each) not in shown], entry["index"]
        seen |= texts
    assert seen >= set(HOSTILE)


def test_every_entry_has_its_page(walked: Walked) -> None:
    for entry in walked.ledger.get("/v1/entries", limit=1000)["entries"]:
        page = walked.walk.page(f"/chain/entries/{entry['index']}")
        assert page is not None
        assert page.status == 200, entry


def test_pages_are_in_one_language(walked: Walked) -> None:
    """No English that the catalogue or a label has in Chinese, and the other way round."""
    english, names = _english(), walked.ledger.genesis.names
    for page in walked.pages:
        if page.status != 200:
            continue
        for text, inside in page.words:
            is_data = "td" in inside or "dd" in inside
            if walked.language == "en":
                is_stated = is_data or any(each in text for each in HOSTILE)
                is_left = (
                    bool(CHINESE.search(GLOSS.sub("", text))) and text != "中文" and not is_stated
                )
            else:
                is_left = any(each.fullmatch(text) for each in english[is_data])
            assert not is_left or text in names, (page.address, text)


def _english() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """Return what reads as English that has a Chinese text, and of it what no record says."""
    known = catalogue.read(catalogue.CATALOGUES[0].read_text("utf-8"))
    texts = {en for en, zh in known.items() if zh and zh != en}
    labels = {each.en for view in VIEWS for each in labels_of(view).values() if each.zh != each.en}
    found = [re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(text)) for text in texts]
    long = [re.compile(each, re.DOTALL) for each in found if len(each.replace(".+", "")) > 12]
    return long + [re.compile(re.escape(each)) for each in labels], long


def test_the_walk_meets_every_free_text_that_records_have(
    business: Hostile, loans: HostileLoans
) -> None:
    wanted = {
        f"{name} {field}" for name, kind in RECORD_TYPES.items() for field in free_texts(kind)
    }
    assert wanted == {*business.said, *loans.said}


def test_every_link_of_a_label_has_a_page() -> None:
    kinds = {each.link for view in VIEWS for each in labels_of(view).values() if each.link}
    assert kinds <= set(LINKS)
    assert len(kinds) > 8
