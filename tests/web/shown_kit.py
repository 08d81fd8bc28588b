"""Pages over a ledger that a test keeps: the same database, served with the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx

from api.read_server import TOKEN, reading_app
from api.reading import Reading
from tests.api.queries_kit import Kept, Server
from web.site import SITE

CHINESE = {"accept-language": "zh-CN,zh;q=0.9"}


class ShownPages:
    """The pages of a kept ledger, on a port of their own, as its readers' process serves them.

    Args:
        kept: The ledger.
    """

    def __init__(self, kept: Kept) -> None:
        home = kept.homes[kept.HOME]
        self._server = Server(reading_app(Reading.of_node(home, kept.store), SITE))
        (token,) = home.tokens.list()
        headers = {TOKEN.decode(): token.id, "accept": "text/html"}
        self.client = httpx.Client(base_url=self._server.url, headers=headers, timeout=60)

    def close(self) -> None:
        self.client.close()
        self._server.close()

    def html(self, path: str, **headers: str) -> str:
        """Return a page's source."""
        found = self.client.get(path, headers={**headers})
        assert found.status_code == 200, found.text
        return found.text

    def text(self, path: str, **headers: str) -> str:
        """Return what stands in the main part of a page, as one line."""
        return text_of(main_of(self.html(path, **headers)))

    def twin(self, path: str) -> Any:
        """Return the JSON to which the foot of a page leads."""
        address = re.findall(r'<a href="([^"]*)">JSON</a></p>', self.html(path))[-1]
        found = self.client.get(unescape(address), headers={"accept": "application/json"})
        assert found.status_code == 200, found.text
        return found.json()


def main_of(html: str) -> str:
    """Return the main part of a page's source."""
    return html.partition("<main")[2].partition("</main>")[0]


def text_of(html: str) -> str:
    """Return a source without its tags, as one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def rows_of(html: str, label: str) -> list[list[str]]:
    """Return the cells of the bodies of the tables in the region of that label."""
    region = html.partition(f'aria-label="{label}"')[2].partition("</table>")[0]
    assert region, f"there is no table {label}"
    body = region.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [text_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    ]


def pages_of(kept: Any) -> Iterator[ShownPages]:
    """Yield the pages of a ledger, and close them."""
    made = ShownPages(kept)
    yield made
    made.close()
