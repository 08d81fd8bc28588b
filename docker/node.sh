#!/bin/sh
# Runs the node of TONGZHANG_HOME where whatever ends is started again. A node that was killed may
# be: it ends here too, with the signal's code. One that ended by itself stopped for safety or
# cannot use its home, and must not come up again unseen: this then waits, not healthy, until
# somebody has read the log and restarts it.
#
#   run-node [--rebuild] [--full-check]
set -u

tongzhang node "$TONGZHANG_HOME" "$@" &
node=$!
stopping=''
trap 'stopping=yes; kill -TERM "$node" 2>/dev/null' TERM INT

# A trap cuts `wait` short; the node is gone when it can be signalled no more.
while :; do
  wait "$node"
  code=$?
  kill -0 "$node" 2>/dev/null || break
done

if [ -n "$stopping" ] || [ "$code" -eq 0 ] || [ "$code" -gt 128 ]; then
  exit "$code"
fi
echo "the node ended with code $code and is not started again by itself; read the log above" >&2
trap 'exit "$code"' TERM INT
sleep infinity &
wait $!
