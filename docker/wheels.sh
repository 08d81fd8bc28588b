#!/usr/bin/env bash
# Makes a wheelhouse: the project, everything it needs to run and pip itself, as wheels. This is
# the only step that asks a package index; `docker build` then asks nobody. Keep the directory and
# the same image can be built again.
#
#   docker/wheels.sh [DIR]    DIR is docker/wheelhouse if left out
#
# PYTHON  the Python 3.11 to use, if it is not python3
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
out=${1:-docker/wheelhouse}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$version" != 3.11 ]; then
  echo "error: $python is Python $version; Debian 12 has 3.11, so the wheels must be made with it" >&2
  echo "  next: PYTHON=/path/to/python3.11 $0, or run it in a container (docs/docker.md)" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A copy, because building leaves files beside the sources and would pick up stale ones.
mkdir "$work/src" "$work/wheels"
tar -cf - --exclude=__pycache__ --exclude='*.egg-info' \
  pyproject.toml README.md LICENSE ledger consensus views node api web simulator demo cli | tar -xf - -C "$work/src"
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" wheel --quiet --disable-pip-version-check \
  --wheel-dir "$work/wheels" pip "$work/src[postgresql]"
rm -rf "$out"
mv "$work/wheels" "$out"
chmod -R a+rX "$out"
echo "$out: $(find "$out" -name '*.whl' | wc -l) wheels, $(du -sh "$out" | cut -f1)"
