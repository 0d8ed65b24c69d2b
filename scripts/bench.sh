#!/usr/bin/env bash
# The ratio benchmarks: each measures Wharf and its yardstick in one run and prints the ratio.
#
#   bench.sh                    all of them
#   bench.sh commit sessions    these: commit, deliveries, holes, dead, sockets, streams, qr, throughput, sessions, history, search,
#                               faces, group, soak
#
# A missed bound ends it with 1. Leave the machine alone meanwhile: the ratios forgive load, the times do not.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

own_services

say "building, optimised"
cargo build --profile bench --workspace "${SANDBOX[@]}" --bins --bench ratios
say "starting databases that sync every commit"
SERVICES_DURABLE=1 scripts/services.sh start "$services"
use_services
cargo bench --workspace "${SANDBOX[@]}" --bench ratios -- "$@"
