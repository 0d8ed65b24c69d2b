#!/usr/bin/env bash
# The main job in the terminal, against a service that `make run` has started.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust
cargo build --bin wharf "${SANDBOX[@]}"
exec "$TARGET/debug/wharf" demo "$@"
