"""Walking a site as a browser would, but without scripts: pages as what stands in them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

VOID = frozenset(
    ["br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
TECHNICAL = frozenset(("bdi", "code", "pre", "script", "style", "time"))
"""Elements whose text is no language of people."""


@dataclass
class Page(HTMLParser):
    """A page, parsed: elements with attributes, texts with the elements around them."""

    address: str
    status: int
    headers: httpx.Headers
    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, str]] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self._open.append((tag, given.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((data.strip(), tuple(tag for tag, _ in self._open)))

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """All that is read on it."""
        return "\n".join(text for text, _ in self.texts)

    @property
    def words(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the texts that are of a language, and what they stand in."""
        for text, inside in self.texts:
            if not TECHNICAL.intersection(inside):
                yield text, inside

    @property
    def links(self) -> Iterator[str]:
        """Yield the addresses of this node to which it leads or that it loads."""
        for tag, attributes in self.elements:
            name = {"a": "href", "link": "href", "script": "src", "form": "action"}.get(tag, "")
            found = attributes.get(name, "")
            is_choice = "lang=" in found  # of a language, which would hold for the whole walk
            if (
                not found
                or found.startswith("#")
                or attributes.get("method") == "post"
                or is_choice
            ):
                continue
            whole = urljoin(self.address, found)
            assert whole.startswith("/"), f"{self.address} leads to {found}"
            yield whole


class Walk:
    """A walk over all pages of a node, bounded: a few of each shape of address.

    Args:
        client: Of a session, or with a token.
        language: As browsers ask for it.
        each_max: How many pages of one shape are looked at.
    """

    def __init__(self, client: httpx.Client, language: str = "en", each_max: int = 6) -> None:
        self._client = client
        self._headers = {"accept": "text/html", "accept-language": language}
        self._each_max = each_max
        self.files: dict[str, httpx.Response] = {}
        """What is no page, by its address."""

    def pages(self, *starts: str) -> list[Page]:
        """Return the pages to which the links from ``starts`` lead."""
        found: list[Page] = []
        shapes: Counter[str] = Counter()
        known, waiting = set(starts), deque(starts)
        while waiting:
            address = waiting.popleft()
            shapes[_shape(address)] += 1
            if shapes[_shape(address)] > self._each_max:
                continue
            page = self.page(address)
            if page is None:
                continue
            found.append(page)
            fresh = [each for each in page.links if each not in known]
            known.update(fresh)
            waiting.extend(fresh)
        return found

    def page(self, address: str) -> Page | None:
        """Return a page; None for what is none, which is kept among :attr:`files`."""
        response = self._client.get(address, headers=self._headers)
        if response.has_redirect_location:
            address = response.headers["location"]
            response = self._client.get(address, headers=self._headers)
        if not response.headers.get("content-type", "").startswith("text/html"):
            self.files[address] = response
            return None
        return Page(address, response.status_code, response.headers, response.text)


def _shape(address: str) -> str:
    """Return an address without what names a thing: pages of one shape are made alike."""
    parts = urlsplit(address)
    steps = parts.path.split("/")[:4]
    if steps[1:2] == ["about"] and len(steps) > 2:
        steps[2] = steps[2].partition(":")[0]
    elif steps[1:2] == ["chain"]:
        steps = steps[:3]
    elif steps[1:2] != ["static"]:
        steps = [*steps[:2], *("x" for _ in steps[2:])]
    return "/".join(steps) + "?" + " ".join(sorted(parse_qs(parts.query)))
