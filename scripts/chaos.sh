#!/usr/bin/env bash
# The full chaos test: 200 SIGKILLs of the service on each database, 20 restarts of each database server, and 10,000
# requests that are made up from the description of the API.
#
#   chaos.sh            on SQLite, PostgreSQL and MariaDB, one after the other, then the requests
#   chaos.sh postgres   on one
#   chaos.sh cases      the requests alone
#
# CHAOS_KILLS, CHAOS_RESTARTS, CHAOS_SEED, CASES and CASES_SEED change how many and which; the seed of a run is printed.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

made_up_requests() {
  TEST_SCHEMATHESIS=$(scripts/schemathesis.sh)
  export TEST_SCHEMATHESIS CASES=${CASES:-10000} CASES_SEED=${CASES_SEED:-$((RANDOM * 32768 + RANDOM))}
  say "CASES=$CASES CASES_SEED=$CASES_SEED"
  cargo test --workspace "${SANDBOX[@]}" --test it -- cases:: --nocapture
}

if [ "${1:-}" = cases ]; then
  made_up_requests
  exit
fi

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
[ -n "${1:-}" ] || made_up_requests
