#!/usr/bin/env bash
# Writes what is generated from the program: docs/openapi.json, docs/config.md, the clients, the console's client types.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust
# With the features of the whole workspace: what the tests were built with is not built again.
cargo build --workspace --bin wharf "${SANDBOX[@]}"
# Written aside first: a failed run must not leave half a file.
for part in "openapi:docs/openapi.json" "config docs:docs/config.md"; do
  # shellcheck disable=SC2086 # the command is several words
  "$TARGET/debug/wharf" ${part%%:*} >"${part#*:}.new"
  mv "${part#*:}.new" "${part#*:}"
done
python3 clients/generator
scripts/web.sh
need_node
(cd web && npm run --silent generate)
