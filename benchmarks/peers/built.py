"""Programs of the others, downloaded and built by the ordinary clients into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cli.errors import CheckFailed

HERE = Path(__file__).resolve().parent
PYSYNCOBJ = "pysyncobj==0.3.17"
GO = {"GOGC": "400"}
"""How programs in Go are run: their collector runs less often, for more memory."""
BUILD_S = 3600
_TAIL_CHARS = 1500


class Tools(NamedTuple):
    """What the systems are run with.

    Args:
        cache: The folder for what is downloaded and built.
        say: Told what is being built.
    """

    cache: Path
    say: Callable[[str], None]

    def go_program(self, name: str) -> Path:
        """Return the program of a folder below ``go``, built by Go if it was not yet.

        Raises:
            CheckFailed: ``no-go``, or ``not-built``.
        """
        go = shutil.which("go")
        if go is None:
            raise CheckFailed(
                "no-go",
                f"{name} is built by Go 1.23 or newer, and there is no go: install it (Debian: "
                "apt-get install golang-go), or leave it out with --only",
            )
        folder = HERE / "go" / name
        made = self.cache / "bin" / f"{name}-{_digest(folder)}"
        if not made.exists():
            self.say(f"building {name}: some minutes the first time, into {self.cache}")
            made.parent.mkdir(parents=True, exist_ok=True)
            part = made.with_suffix(".part")
            _run([go, "build", "-o", str(part), "."], folder, self._go_environment())
            part.rename(made)
        return made

    def python_with_pysyncobj(self) -> Path:
        """Return a Python that has PySyncObj, in an environment of its own.

        Raises:
            CheckFailed: ``not-built``.
        """
        made = self.cache / PYSYNCOBJ.replace("==", "-")
        python = made / "bin" / "python"
        if not (made / "done").exists():
            self.say(f"installing {PYSYNCOBJ} into {made}")
            shutil.rmtree(made, ignore_errors=True)
            made.parent.mkdir(parents=True, exist_ok=True)
            _run([sys.executable, "-m", "venv", str(made)], HERE, {})
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, PYSYNCOBJ], HERE, {})
            (made / "done").touch()
        return python

    def _go_environment(self) -> dict[str, str]:
        return {
            "GOMODCACHE": str(self.cache / "mod"),
            "GOCACHE": str(self.cache / "go-build"),
            "GOFLAGS": "-modcacherw -buildvcs=false",  # so that the folder can be deleted
        }


def default_cache() -> Path:
    """Return the folder for downloads and builds, if the user names none."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tongzhang" / "peers"


def _digest(folder: Path) -> str:
    """Return what a program is made of, in short."""
    digest = sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _run(command: Sequence[str], folder: Path, more: Mapping[str, str]) -> None:
    """Run a command to its end.

    Raises:
        CheckFailed: ``not-built``, with the end of what it said.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=BUILD_S,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_TAIL_CHARS:]
        raise CheckFailed("not-built", f"{' '.join(command)} failed: {said}")
