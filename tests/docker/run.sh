#!/usr/bin/env bash
# Builds the image, runs docker-compose.yml for real and drives it: a record becomes final, its
# receipt verifies in a container without a network, a node is killed and catches up, the homes
# outlive their containers. Fails at the first thing that does not hold; removes what it made.
#
#   tests/docker/run.sh                       with the engine that answers, or one of its own
#   TONGZHANG_DOCKER=own tests/docker/run.sh  with one of its own in any case (root)
#   BASE=debian:bookworm-slim tests/docker/run.sh   on a base that can be pulled, not our own
set -Eeuo pipefail
trap 'echo "FAILED in line $LINENO: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/../.."

PARTIES=(platform institution funder auditor)
IMAGE_MB_MAX=300

started=$SECONDS
work=$(mktemp -d /tmp/tongzhang-docker.XXXXXX) # short: a socket's path has at most 108 bytes
run=${work##*.}
run=${run,,}
project=tongzhang-test-$run
base=${BASE:-localhost/tongzhang-base:$run}
export TONGZHANG_IMAGE=localhost/tongzhang:$run TONGZHANG_BASE=$base TONGZHANG_NAME=dockertest

say() { printf '\n-- %s (%d s)\n' "$*" $((SECONDS - started)); }
fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'"; }

# shellcheck source=tests/docker/engine.sh
. tests/docker/engine.sh

engine_answers='' # set once there is an engine, and so perhaps something to remove from it

cleanup() {
  code=$?
  trap - EXIT
  set +e
  if [ -n "${wheels:-}" ]; then kill "$wheels" 2>/dev/null; fi
  if [ "$code" != 0 ] && [ -n "$engine_answers" ]; then
    compose ps >&2
    compose logs --tail=40 >&2
  fi
  if [ -n "$engine_answers" ]; then compose down -v --timeout 3 >"$work/down.log" 2>&1; fi
  if [ -n "$engine_answers" ] && [ -z "$engine_pid" ]; then remove_images >/dev/null 2>&1; fi
  engine_stop
  rm -rf "$work"
  if [ "$code" != 0 ]; then echo "docker: FAILED after $((SECONDS - started)) s" >&2; fi
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

compose() { "${compose_command[@]}" --project-name "$project" --file docker-compose.yml "$@"; }
tongzhang() { local party=$1; shift; compose exec -T "$party" tongzhang "$@"; }
container() { compose ps -q "$1"; }
dangling() { docker image ls --quiet --no-trunc --filter dangling=true | sort -u; }

remove_images() {
  docker image rm "$TONGZHANG_IMAGE"
  [ -n "${BASE:-}" ] || docker image rm "$base"
  [ ! -f "$work/dangling" ] || dangling | comm -13 "$work/dangling" - | xargs -r docker image rm
}

# field NAME: the value of a member of the JSON object on standard input.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# capture ID: a payment of 10.00 that the institution says it captured now.
capture() {
  python3 - "$1" <<'END'
import json, sys, time
now = time.time_ns() // 1_000_000
print(json.dumps(
    {"amount": 1000, "at": now, "captured_at": now, "channel": "card", "currency": "CNY",
     "id": sys.argv[1], "order": "order-" + sys.argv[1], "payment": "pay-" + sys.argv[1],
     "type": "payment.captured"}, sort_keys=True, separators=(",", ":")))
END
}

# forge: the receipt on standard input, for one cent more.
forge() {
  python3 -c '
import base64, re, sys
def dearer(match):
    try:
        raw = base64.b64decode(match[0], validate=True)
    except ValueError:
        return match[0]
    return base64.b64encode(raw.replace(b"\"amount\":1000", b"\"amount\":1001")).decode()
text = sys.stdin.read()
forged = re.sub(r"[A-Za-z0-9+/=]{40,}", dearer, text)
sys.exit("nothing to forge was found in the receipt") if forged == text else print(forged, end="")
'
}

# wait_healthy RESTARTS PARTY…: until all are healthy, each started again so often by the engine.
wait_healthy() {
  local restarts=$1 party state deadline=$((SECONDS + 90))
  shift
  for party in "$@"; do
    while :; do
      state=$(docker inspect --format '{{.State.Health.Status}}, restarted {{.RestartCount}} times' \
        "$(container "$party")")
      if [ "$state" = "healthy, restarted $restarts times" ]; then break; fi
      [ "$SECONDS" -lt "$deadline" ] || fail "$party is $state, and late"
      sleep 1
    done
  done
}

# Prints the log size when all nodes have the same log and state.
wait_equal() {
  local wanted=$1 deadline=$((SECONDS + 60)) seen party
  while :; do
    seen=$(for party in "${PARTIES[@]}"; do
      tongzhang "$party" status --json | python3 -c \
        'import json, sys; s = json.load(sys.stdin); print(s["size"], s["root"], s["state"])'
    done | sort -u) || true
    if [ "$(wc -l <<<"$seen")" = 1 ] && [ "${seen%% *}" -ge "$wanted" ]; then break; fi
    [ "$SECONDS" -lt "$deadline" ] || fail "the nodes differ: $seen"
    sleep 1
  done
  echo "all four: size ${seen%% *}, state ${seen##* }"
}

if docker compose version >/dev/null 2>&1; then compose_command=(docker compose)
elif command -v docker-compose >/dev/null; then compose_command=(docker-compose)
else fail "neither 'docker compose' nor docker-compose was found"; fi

say "an engine"
engine_start "$work"
engine_answers=yes
echo "compose $("${compose_command[@]}" version --short)"
if [ -z "$engine_pid" ]; then
  # Others may use the default ports of this machine.
  for party in "${PARTIES[@]}"; do
    export "TONGZHANG_${party^^}_PORT=$(python3 -c \
      'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  done
fi
dangling >"$work/dangling"

say "base image and wheelhouse, side by side"
# A copy of the build context, because a wheelhouse that is already there may be one to keep.
mkdir "$work/context" "$work/context/docker"
cp Dockerfile .dockerignore "$work/context/"
cp docker/*.sh "$work/context/docker/"
docker/wheels.sh "$work/context/docker/wheelhouse" >"$work/wheels.log" 2>&1 & wheels=$!
if [ -z "${BASE:-}" ]; then docker/base.sh "$base"; fi
if ! wait "$wheels"; then cat "$work/wheels.log" >&2; fail "the wheelhouse was not made"; fi
wheels=''
tail -n 1 "$work/wheels.log"

say "the image, built without a network"
network=(--network none)
if [ -n "${BASE:-}" ]; then network=(); fi
docker build "${network[@]}" --build-arg "BASE=$base" --tag "$TONGZHANG_IMAGE" "$work/context" \
  >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; fail "the image does not build"; }
megabytes=$(($(docker image inspect --format '{{.Size}}' "$TONGZHANG_IMAGE") / 1000000))
echo "$TONGZHANG_IMAGE: $megabytes MB"
[ "$megabytes" -le "$IMAGE_MB_MAX" ] || fail "the image has more than $IMAGE_MB_MAX MB"
expect "the image's user" "$(docker run --rm --network none --entrypoint id "$TONGZHANG_IMAGE" -u)" 10001

say "compose up"
compose up -d --no-build 2>&1 | tail -n 8
wait_healthy 0 "${PARTIES[@]}"
for party in "${PARTIES[@]}"; do
  port=$(docker port "$(container "$party")" | sed 's/.* -> //')
  case $port in 127.0.0.1:*) ;; *) fail "$party is published at '$port', not on loopback only" ;; esac
  on_engine_host python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)' \
    "http://$port/readyz"
  expect "$party runs as" "$(compose exec -T "$party" id -u)" 10001
done
echo "four nodes are healthy and answer on loopback only"

say "a record at the institution's node, its receipt verified offline"
mkdir "$work/proof"
capture first | tongzhang institution submit - --json
tongzhang institution receipt first >"$work/proof/receipt"
tongzhang auditor receipt first --party institution >"$work/proof/receipt-of-auditor"
compose exec -T institution cat /home/node/genesis.json >"$work/proof/genesis.json"
forge <"$work/proof/receipt" >"$work/proof/forged"
chmod -R a+rX "$work/proof"
verify() {
  docker run --rm --network none --read-only --cap-drop ALL --volume "$work/proof:/proof:ro" \
    "$TONGZHANG_IMAGE" verify receipt "/proof/$1" --genesis /proof/genesis.json
}
verify receipt
verify receipt-of-auditor >/dev/null
if verify forged >/dev/null 2>"$work/forged.log"; then fail "a forged receipt was called good"; fi
grep -q 'do not rely on this file' "$work/forged.log" || fail "no word about the forged receipt"
echo "a forged one is refused: $(head -n 1 "$work/forged.log")"

say "the platform's container is killed; the others go on"
platform=$(container platform)
docker kill "$platform" >/dev/null
capture second | tongzhang institution submit - --json
expect "the killed container" "$(docker inspect --format '{{.State.Running}}' "$platform")" false
docker start "$platform" >/dev/null
wait_healthy 0 platform
wait_equal 2

say "a crash starts the node again; a node that ends by itself stays down"
# shellcheck disable=SC2016 # the container's shell expands it
compose exec -T funder sh -c 'kill -KILL $(cat /proc/1/task/1/children)'
wait_healthy 1 funder
auditor=$(container auditor)
docker exec "$auditor" sh -c 'cp node.toml kept && echo nonsense >>node.toml'
docker restart "$auditor" >/dev/null
for _ in $(seq 30); do
  if docker logs "$auditor" 2>&1 | grep 'not started again by itself'; then break; fi
  sleep 1
done
docker logs "$auditor" 2>&1 | grep 'bad-config' || fail "no word about the bad configuration"
expect "the auditor's container" "$(docker inspect --format \
  '{{.State.Running}} {{.RestartCount}}' "$auditor")" "true 0"
docker exec "$auditor" mv kept node.toml
docker restart "$auditor" >/dev/null
wait_healthy 0 auditor
wait_equal 2

say "down and up again: the homes outlive their containers"
compose exec -T funder cat /home/node/genesis.json >"$work/before.json"
compose stop 2>"$work/stop.log"
for party in "${PARTIES[@]}"; do
  expect "$party ends with" "$(docker inspect --format '{{.State.ExitCode}}' \
    "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
      --filter "label=com.docker.compose.service=$party")")" 0
done
compose down 2>"$work/down.log"
compose up -d --no-build 2>"$work/up.log" || { cat "$work/up.log" >&2; fail "no second start"; }
wait_healthy 0 "${PARTIES[@]}"
compose logs --no-color init | grep 'founded already' || fail "the consortium was founded twice"
compose exec -T funder cat /home/node/genesis.json | cmp - "$work/before.json"
capture third | tongzhang institution submit - --json
wait_equal 3

say "down with the volumes leaves nothing"
compose down -v 2>"$work/down.log"
for kind in volume network; do
  left=$(docker "$kind" ls --quiet --filter "label=com.docker.compose.project=$project")
  [ -z "$left" ] || fail "left behind: $kind $left"
done
left=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")
[ -z "$left" ] || fail "left behind: container $left"

say "docker: all good"
