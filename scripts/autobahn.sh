#!/usr/bin/env bash
# Autobahn's fuzzing client against the service's sockets and against bare axum; ends with 1 where the service is worse.
#
# Nothing else calls it, and it needs no phone: it builds the sandbox build and examples/bare_sockets.rs, starts both on
# free ports with data of their own, and stops them. pip brings the suite into the cache, where it is ported to Python 3
# (scripts/autobahn/port.py). It takes three minutes; docs/autobahn.md has a result and how to read it.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

from=$ROOT/scripts/autobahn
suite=$CACHE/autobahn/$(cat "$from/requirements.txt" "$from/port.py" | sha256sum | cut -c1-16)
if [ ! -d "$suite" ]; then
  python3 -m pip --version >/dev/null 2>&1 || apt_install "the suite is a Python package" python3 python3-pip
  say "installing autobahntestsuite, what it needs and 2to3 into $suite"
  mkdir -p "$CACHE/autobahn"
  new=$(mktemp -d "$CACHE/autobahn/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip install --quiet --target "$new" -r "$from/requirements.txt" >&2
  PYTHONPATH=$new python3 "$from/port.py"
  mv -T "$new" "$suite" 2>/dev/null || [ -d "$suite" ] || die "$suite cannot be written"
fi

say "building the service and the bare sockets"
cargo build "${SANDBOX[@]}" --bin wharf --example bare_sockets

work=$(mktemp -d "${TMPDIR:-/tmp}/wharf-autobahn.XXXXXX")
started=()
finish() {
  local status=$?
  trap - EXIT INT TERM
  kill "${started[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# No limit of ours may stand in for a fault; which of the limits stay is in docs/autobahn.md.
env -i "PATH=$PATH" "DATA_DIR=$work/data" PORT=0 WHARF_SANDBOX__LISTEN=127.0.0.1:0 WHARF_HTTP__REQUESTS_PER_MINUTE=100000 \
  WHARF_HTTP__REQUESTS_PER_MINUTE_PER_ADDRESS=100000 \
  WHARF_HTTP__SOCKETS_PER_TOKEN=5000 WHARF_HTTP__SOCKETS_PER_ADDRESS=5000 "$TARGET/debug/wharf" serve >/dev/null 2>"$work/wharf.log" &
started+=($!)
"$TARGET/debug/examples/bare_sockets" >"$work/bare" &
started+=($!)

url=
for _ in $(seq 100); do
  url=$(sed -n 's/.*"wharf listens on \([^"]*\)".*/\1/p' "$work/wharf.log")
  [ -z "$url" ] || [ ! -s "$work/bare" ] || break
  sleep 0.2
done
[ -n "$url" ] && [ -s "$work/bare" ] || { cat "$work/wharf.log" >&2; die "a server did not start within 20 s"; }

reports=$TARGET/autobahn
rm -rf "$reports"
say "running the suite four times side by side; the reports come to $reports"
PYTHONPATH=$suite python3 "$from/run.py" "$reports" "ws://127.0.0.1:$(cat "$work/bare")" "$url"
