#!/usr/bin/env bash
# The ratio benchmarks: each measures Wharf and its yardstick in one run and prints the ratio.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust
services=$(mktemp -d "${TMPDIR:-/tmp}/wharf-bench.XXXXXX")
chmod 755 "$services"
trap 'scripts/services.sh stop "$services" || true; rm -rf "$services"' EXIT
scripts/services.sh start "$services"
set -a
. "$services/env"
set +a
cargo bench --workspace "${SANDBOX[@]}" "$@"
