#!/usr/bin/env bash
# The full chaos test: 200 SIGKILLs of the service on each database, and 20 restarts of each database server.
#
#   chaos.sh            on SQLite, PostgreSQL and MariaDB, one after the other
#   chaos.sh postgres   on one
#
# CHAOS_KILLS, CHAOS_RESTARTS and CHAOS_SEED change how many and which; the seed of a run is printed.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

services=$(mktemp -d "${TMPDIR:-/tmp}/wharf-chaos.XXXXXX")
chmod 755 "$services"
finish() {
  local status=$?
  trap - EXIT INT TERM
  scripts/services.sh stop "$services" || true
  rm -rf "$services"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

say "starting databases of its own"
scripts/services.sh start "$services"
set -a
. "$services/env"
CHAOS_SERVICES=$services
CHAOS_KILLS=${CHAOS_KILLS:-200}
CHAOS_RESTARTS=${CHAOS_RESTARTS:-20}
CHAOS_SEED=${CHAOS_SEED:-$((RANDOM * 32768 + RANDOM))}
set +a
say "CHAOS_SEED=$CHAOS_SEED"
cargo test --workspace "${SANDBOX[@]}" --test it -- "chaos::nothing_is_lost_doubled_or_overtaken${1:+_on_$1}" \
  --test-threads=1 --nocapture
