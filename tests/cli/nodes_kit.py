"""Real node processes that tests wait for, and what docs/operations.md has people type."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from cli import main
from demo.stage.processes import NodeProcess, command, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START_S = 60.0


def run(*arguments: object) -> int:
    return main.run([str(argument) for argument in arguments])


def client(node: NodeProcess) -> httpx.Client:
    headers = {"authorization": f"Bearer {node.token}"}
    return httpx.Client(base_url=node.url, headers=headers, timeout=90, trust_env=False)


def get(node: NodeProcess, path: str) -> dict[str, Any]:
    with client(node) as http:
        answer: dict[str, Any] = http.get(path).json()
        return answer


def until(nodes: list[NodeProcess], claim: Callable[[NodeProcess], bool]) -> None:
    """Wait until a claim is true of every node."""
    deadline = time.monotonic() + START_S
    for node in nodes:
        while True:
            node.refuse_dead()
            try:
                if claim(node):
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{node.party} in {START_S} s"
            time.sleep(0.05)


def is_ready(node: NodeProcess) -> bool:
    return get(node, "/readyz").get("ready") is True


def is_not_ready(node: NodeProcess) -> bool:
    return get(node, "/readyz").get("code") == "not-ready"


def block(holding: str) -> str:
    """Return the one block of shell or Python that holds a text."""
    (found,) = [text for _, text in FENCE.findall(PAGE) if holding in text]
    return found


def shell(script: str, folder: Path) -> str:
    """Run lines as they are written, with this very ``tongzhang``."""
    words = " ".join(f"'{word}'" for word in command())
    script = f'set -eu; tongzhang() {{ {words} "$@"; }}\n{script}'
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
