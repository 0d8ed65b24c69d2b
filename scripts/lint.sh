#!/usr/bin/env bash
# Formatting, clippy of both builds, the documentation, the console, the shell scripts, the dependencies.
#
# Whether docs/openapi.json and docs/config.md are what the program prints is a test: tests/it/docs.rs.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

say "shell scripts"
for script in scripts/*.sh .ci/run; do bash -n "$script"; done
say "formatting"
cargo fmt --all -- --check
say "clippy, sandbox build"
cargo clippy --workspace --all-targets "${SANDBOX[@]}" -- -D warnings
say "clippy, live build"
cargo clippy --bin wharf --lib -- -D warnings
say "documentation"
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items "${SANDBOX[@]}"
say "clients"
python3 clients/generator --check
say "console"
scripts/web.sh
need_node
(cd web && npm run --silent check && npm run --silent check:generated)
if command -v cargo-deny >/dev/null; then
  say "dependencies"
  # Without who needs each of them: duplicates are warnings, and their trees bury an error.
  cargo deny --all-features check --hide-inclusion-graph bans licenses sources
else
  say "cargo-deny is not installed: licences and banned crates were not checked"
fi
say "all clean"
