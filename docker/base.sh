#!/usr/bin/env bash
# Makes a base image from Debian's packages where none can be pulled: Debian 12 with Python 3.11
# and nothing that a node does not need. Runs as root, on any system that has debootstrap and a
# package mirror in reach; the image lands in the engine that the docker command talks to.
#
#   docker/base.sh [IMAGE]
#
# DEBOOTSTRAP_MIRROR  the package mirror, if not debootstrap's own choice
# DEBOOTSTRAP_CACHE   a directory that keeps the packages for the next time
set -euo pipefail

image=${1:-localhost/tongzhang-base}
[ "$(id -u)" = 0 ] || { echo "error: debootstrap works as root only" >&2; exit 1; }
for tool in debootstrap docker tar; do
  command -v "$tool" >/dev/null || { echo "error: $tool was not found; install it" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
options=(--variant=minbase --include=python3)
if [ -n "${DEBOOTSTRAP_CACHE:-}" ]; then
  mkdir -p "$DEBOOTSTRAP_CACHE"
  options+=("--cache-dir=$(realpath "$DEBOOTSTRAP_CACHE")")
fi
if ! debootstrap "${options[@]}" bookworm "$root" ${DEBOOTSTRAP_MIRROR:+"$DEBOOTSTRAP_MIRROR"} \
  >"$work/log" 2>&1; then
  tail -n 30 "$work/log" "$root/debootstrap/debootstrap.log" >&2 || true
  echo "error: debootstrap failed" >&2
  exit 1
fi

# What a package brings for people to read, here and in whatever is installed later.
cat >"$root/etc/dpkg/dpkg.cfg.d/no-documentation" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l -delete
find "$root/usr/share/doc" -type d -empty -delete
rm -rf "$root"/usr/share/{info,locale,man}/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/debconf/*-old
find "$root" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
# This machine's own name and resolver are nobody's business; the engine writes each container's.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/etc/machine-id"

tar -C "$root" --numeric-owner --sort=name -cf - . \
  | docker import --change 'CMD ["/bin/sh"]' - "$image" >/dev/null
echo "$image: $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=iec)"
