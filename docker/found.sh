#!/bin/sh
# Founds the consortium of docker-compose.yml: one home in each volume below /homes, which bears
# its party's name. A party is reached at a host of that name. Run again, it changes nothing.
#
# PARTIES  the parties in leader order, as `tongzhang init --parties` reads them
# NAME     the consortium's name
set -eu
cd /homes

hosts=''
missing=''
found=''
for part in $(echo "$PARTIES" | tr ',' ' '); do
  party=${part%%:*}
  hosts=$hosts${hosts:+,}$party=$party
  [ -d "$party" ] || { echo "error: no volume is mounted at /homes/$party" >&2; exit 1; }
  if [ -f "$party/node.toml" ]; then
    found="$found $party"
  elif [ -n "$(ls -A "$party")" ]; then
    echo "error: the volume of $party holds files but no node.toml, so it is not a home" >&2
    echo "  next: restore node.toml, or remove the volumes if no node ever ran on them" >&2
    exit 1
  else
    missing="$missing $party"
  fi
done

if [ -z "$missing" ]; then
  echo "founded already:$found"
  exit 0
fi
if [ -n "$found" ]; then
  echo "error: the homes of$found are there, those of$missing are not; a consortium is founded" >&2
  echo "  only once: restore the missing volumes, or remove all of them to found a new one" >&2
  exit 1
fi

umask 077
tongzhang init /tmp/founded --parties "$PARTIES" --name "$NAME" --host 0.0.0.0 --hosts "$hosts" \
  >/tmp/said
sed '/^$/q' /tmp/said # what the numbers survive; how to start the nodes, compose knows
mkdir /tmp/configs
for party in $missing; do
  mv "/tmp/founded/$party/node.toml" "/tmp/configs/$party"
  chown 0:0 "$party" # the engine may have given the volume to the node's user already
  cp -pR "/tmp/founded/$party/." "$party/"
  chown -R 10001:10001 "$party"
done
# Last, because a directory is a home when it has this file.
for party in $missing; do
  cp -p "/tmp/configs/$party" "$party/node.toml.new"
  chown 10001:10001 "$party/node.toml.new"
  mv "$party/node.toml.new" "$party/node.toml"
done
