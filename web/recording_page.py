"""Recording of a run as one HTML file that plays it: script, style and recording are inside.

It is opened from disk and asks no network. Its Content-Security-Policy allows the script and the
style that stand in it, by their hashes, and nothing else.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

STATIC = files("web") / "static" / "simulator"
MODULES = (
    "colors", "recording", "clock", "moments", "words", "stage", "lanes", "timeline", "verdict",
    "player", "standalone",
)  # fmt: skip
"""The player's modules; each stands after those that it imports."""
STYLES = ("simulator", "player", "standalone")
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([a-z]+)\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:class|const|function) )", re.MULTILINE)

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tongzhang · Simulator</title>
<style>{style}</style>
</head>
<body>
<div class="file">
<header class="file-head">
<h1 id="title">同账 Tongzhang</h1>
<button type="button" id="language">中文</button>
<button type="button" id="theme">Dark</button>
</header>
<noscript>
This page plays a recording and needs JavaScript. 本页播放录制，需要启用 JavaScript。
</noscript>
<main id="player"></main>
</div>
<script type="application/json" id="recording">{recording}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def page(recording: bytes) -> bytes:
    """Return the file that plays a recording.

    Args:
        recording: The recording, as JSON.
    """
    script, style = joined_script(), "\n" + "".join(_text(f"{name}.css") for name in STYLES)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text = _PAGE.format(
        policy=policy, style=style, recording=inert(recording.decode()), script=script
    )
    return text.encode()


def inert(json: str) -> str:
    """Return JSON that no text in it can break out of a script element; it means the same."""
    return json.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def joined_script() -> str:
    """Return the player's modules as one: without imports and exports, their names are one scope.

    Raises:
        ValueError: a module imports one that does not stand before it.
    """
    parts: list[str] = []
    for place, name in enumerate(MODULES):
        text = _text(f"{name}.js")
        for other in _IMPORT.findall(text):
            if other not in MODULES[:place]:
                raise ValueError(f"{name}.js imports {other}.js, which stands behind it")
        parts.append(_EXPORT.sub("", _IMPORT.sub("", text)))
    return "\n" + "\n".join(parts)


def _text(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
