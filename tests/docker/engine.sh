# shellcheck shell=bash
# Gives run.sh a Docker engine; to be sourced. `engine_start DIR` uses the one that answers already,
# or starts its own in DIR; `engine_stop` ends only what it started. TONGZHANG_DOCKER=own wants its
# own in any case.
#
# The own engine lives in namespaces of its own: its bridges, packet filter rules, mounts and
# containers end with it, and nothing that it runs can reach another network.

engine_pid=''
engine_options=()

engine_start() {
  local dir=$1 filter
  if [ "${TONGZHANG_DOCKER:-}" != own ] && docker info >/dev/null 2>&1; then
    echo "using the engine that runs already"
    return
  fi
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can start one"
  for tool in dockerd containerd runc unshare nsenter setpriv iptables ip; do
    command -v "$tool" >/dev/null || fail "no Docker engine can be started: $tool was not found"
  done
  echo '{}' >"$dir/daemon.json"
  unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
  export DOCKER_HOST=unix://$dir/sock
  # The engine chooses its storage driver itself: overlay2 where the kernel allows it, else vfs.
  # Without packet filter rules containers still talk, and ports are published by a proxy.
  for filter in true false; do
    engine_options=(--config-file "$dir/daemon.json" --data-root "$dir/data"
      --exec-root "$dir/exec" --pidfile "$dir/pid" --host "$DOCKER_HOST"
      --iptables="$filter" --ip6tables=false)
    if _engine_try "$dir/engine.log"; then
      echo "own engine: $(docker info --format \
        '{{.ServerVersion}}, storage {{.Driver}}, cgroups {{.CgroupVersion}}'), iptables=$filter"
      return
    fi
    tail -n 20 "$dir/engine.log" >&2
    echo "the engine did not start with iptables=$filter" >&2
  done
  fail "no Docker engine can be started here; its log is above"
}

# Control groups may be mounted nowhere where no init system has done it.
_ENGINE_INIT='set -e
ip link set lo up
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec dockerd "$@"'

_engine_try() {
  local log=$1
  # However this script ends, the engine ends with it.
  setpriv --pdeathsig KILL -- \
    unshare --net --mount --pid --fork --mount-proc --kill-child -- \
    sh -c "$_ENGINE_INIT" dockerd "${engine_options[@]}" >"$log" 2>&1 &
  engine_pid=$!
  for _ in $(seq 60); do
    if docker info >/dev/null 2>&1; then return 0; fi
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.5
  done
  engine_stop
  return 1
}

# Runs a command where the engine's published ports are.
on_engine_host() {
  if [ -z "$engine_pid" ]; then "$@"; else nsenter --net="/proc/$(_dockerd)/ns/net" -- "$@"; fi
}

_dockerd() { tr -d ' ' <"/proc/$engine_pid/task/$engine_pid/children"; }

engine_stop() {
  [ -n "$engine_pid" ] || return 0
  local dockerd
  dockerd=$(_dockerd 2>/dev/null) || dockerd=''
  if [ -n "$dockerd" ]; then kill -TERM "$dockerd" 2>/dev/null || true; fi
  for _ in $(seq 40); do
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.5
  done
  # Whatever is left of it dies with its process namespace.
  kill -KILL "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  engine_pid=''
}
