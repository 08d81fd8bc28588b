"""What a person at a browser meets: live pages, the missing half, a node that is away."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.cli.nodes_kit import is_ready, until
from tests.web.browser.browser_kit import PHONE, Browsing, findings, sign_in
from tests.web.site_kit import Site, captured, instructed, receiver

SOON_MS = 5000


def half_stated(site: Site, payment: str, amount: int = 182_583) -> None:
    """Have the platform state its half of a payment, and nobody else."""
    receiver_id = f"shop-{payment}"
    site.submit("institution", "receiver.registered", **receiver(receiver_id))
    site.submit("platform", "split.instructed", **instructed(payment, amount, receiver_id))


def test_a_new_entry_is_on_the_screen_without_a_reload(browsing: Browsing, site: Site) -> None:
    half_stated(site, "P-live-1")
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/expectations")
        expect(page.locator("main")).to_contain_text("P-live-1")
        expect(page.locator(".dot.on")).to_be_visible()
        page.evaluate("window.same = true")
        half_stated(site, "P-live-2")
        expect(page.locator("main")).to_contain_text("P-live-2", timeout=SOON_MS)
        assert page.evaluate("window.same")


def test_the_missing_half_is_named_until_it_comes(browsing: Browsing, site: Site) -> None:
    half_stated(site, "P-half", 9_900)
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/payments/P-half")
        expect(page.locator("main")).to_contain_text("institution")
        expect(page.locator("main .gap")).to_have_count(1)
        site.submit("institution", "payment.captured", **captured("P-half", 9_900))
        expect(page.locator("main .gap")).to_have_count(0, timeout=SOON_MS)


def test_what_is_typed_stays_while_the_page_is_renewed(browsing: Browsing, site: Site) -> None:
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/expectations")
        page.fill("#f-min_amount_shown", "12")
        half_stated(site, "P-typed")
        expect(page.locator("main")).to_contain_text("P-typed", timeout=SOON_MS)
        assert page.input_value("#f-min_amount_shown") == "12"


def test_a_node_that_is_away_is_said_and_its_return_too(browsing: Browsing, site: Site) -> None:
    node = site.nodes["funder"]
    with browsing.page(node, allowed=("Failed to load", "net::ERR")) as page:
        page.goto(f"{node.url}/expectations")
        expect(page.locator(".dot.on")).to_be_visible()
        node.kill()
        expect(page.locator("#live-banner")).to_contain_text("does not answer", timeout=SOON_MS)
        node.start(*site.arguments)
        until([node], is_ready)
        expect(page.locator("#live-banner")).to_have_count(0, timeout=20_000)
        half_stated(site, "P-back")
        expect(page.locator("main")).to_contain_text("P-back", timeout=SOON_MS)


def test_a_page_is_useful_without_scripts(browsing: Browsing, site: Site) -> None:
    half_stated(site, "P-plain")
    with browsing.page(site.platform, script=False) as page:
        page.goto(f"{site.platform.url}/expectations")
        expect(page.locator("main")).to_contain_text("P-plain")
        page.select_option("#f-state", "met")
        page.click(".filters button")
        assert page.url.endswith("/expectations?state=met")


def test_signing_out_shows_the_sign_in(browsing: Browsing, site: Site) -> None:
    with browsing.page(site.platform) as page:
        page.click(".tools form[action='/sign-out'] button")
        expect(page.locator("h1")).to_have_text("Sign in")
        page.goto(f"{site.platform.url}/expectations")
        expect(page.locator("h1")).to_have_text("Sign in")


def test_the_language_is_switched_and_kept(browsing: Browsing, site: Site) -> None:
    with browsing.page(site.platform, width=PHONE) as page:
        page.goto(f"{site.platform.url}/expectations?state=open")
        page.click("a[lang='zh-CN']")
        expect(page.locator("h1")).to_have_text("待声明事项")
        assert page.url.endswith("/expectations?state=open")
        assert page.get_attribute("html", "lang") == "zh-CN"
        page.goto(f"{site.platform.url}/refunds")
        expect(page.locator("h1")).to_have_text("退款")


def test_the_theme_is_switched_and_kept(browsing: Browsing, site: Site) -> None:
    def ground(page: Any) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/lists")
        light = ground(page)
        page.click("[data-theme-switch]")
        dark = ground(page)
        assert light != dark
        page.goto(f"{site.platform.url}/refunds")
        assert ground(page) == dark
        assert not findings(page)


def test_paper_is_white_and_ink_dark_whatever_the_theme(browsing: Browsing, site: Site) -> None:
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/lists")
        light = page.evaluate("getComputedStyle(document.body).color")
        page.click("[data-theme-switch]")
        assert page.evaluate("getComputedStyle(document.body).color") != light
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).color") == light
        expect(page.locator("nav")).to_be_hidden()


def test_a_wrong_token_is_refused_in_words(browsing: Browsing, site: Site) -> None:
    with browsing.page(allowed=("Failed to load",)) as page:
        sign_in(page, site.platform, "tz_wrong")
        expect(page.locator("[role=alert]")).to_contain_text("not known")
        assert not findings(page)


def test_an_address_with_a_token_signs_in_and_forgets_it(browsing: Browsing, site: Site) -> None:
    with browsing.page() as page:
        page.goto(f"{site.platform.url}/sign-in#{site.platform.token}")
        page.wait_for_url(f"{site.platform.url}/")
        page.go_back()
        assert site.platform.token not in page.url


def test_many_pages_may_be_open_while_one_is_looked_at(browsing: Browsing, site: Site) -> None:
    """A browser keeps six connections to a node that speaks HTTP/1.1, for all of its tabs."""
    half_stated(site, "P-tabs-1")
    with browsing.page(site.platform) as page:
        page.goto(f"{site.platform.url}/expectations")
        look(page, away=True)
        expect(page.locator(".dot.on")).to_have_count(0)
        for _ in range(8):
            other = page.context.new_page()
            other.goto(f"{site.platform.url}/expectations", timeout=4 * SOON_MS)
            expect(other.locator(".dot.on")).to_be_visible()
            look(other, away=True)
        half_stated(site, "P-tabs-2")
        look(page, away=False)
        expect(page.locator("main")).to_contain_text("P-tabs-2", timeout=SOON_MS)
        expect(page.locator(".dot.on")).to_be_visible()


def look(page: Any, *, away: bool) -> None:
    """Have a tab covered by others, or looked at again: to an automated browser each is visible."""
    page.evaluate(
        "value => Object.defineProperty(document, 'hidden', { value, configurable: true })", away
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
