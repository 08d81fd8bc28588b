"""A browser and Node of this machine. Without them tests that need them are left out.

With ``TONGZHANG_REQUIRE_BROWSER`` set, as in CI, a machine without them fails instead.
"""

from __future__ import annotations

import os
import shutil


def found(name: str) -> str | None:
    path = shutil.which(name)
    if path is None and os.environ.get("TONGZHANG_REQUIRE_BROWSER"):
        raise RuntimeError(f"{name} is demanded, and not on this machine")
    return path


CHROMIUM = found("chromium")
NODE = found("node")
