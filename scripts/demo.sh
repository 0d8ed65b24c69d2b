#!/usr/bin/env bash
# The main job in the terminal, against a service that `make run` has started.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust
build_to_look_at
exec "$TARGET/debug/wharf" demo "$@"
