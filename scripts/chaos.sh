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

own_services

say "starting databases of its own"
scripts/services.sh start "$services"
use_services
export CHAOS_SERVICES=$services
export CHAOS_KILLS=${CHAOS_KILLS:-200}
export CHAOS_RESTARTS=${CHAOS_RESTARTS:-20}
export CHAOS_SEED=${CHAOS_SEED:-$((RANDOM * 32768 + RANDOM))}
say "CHAOS_SEED=$CHAOS_SEED"
cargo test --workspace "${SANDBOX[@]}" --test it -- "chaos::nothing_is_lost_doubled_or_overtaken${1:+_on_$1}" \
  --test-threads=1 --nocapture
