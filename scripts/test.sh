#!/usr/bin/env bash
# Every test: on SQLite, PostgreSQL and MariaDB, the live build's refusal, and the page in a browser.
#
# What a test cannot have is an error here, not a skip. TEST_LIVE_BINARY names the live build for the tests.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

TEST_VERIFIERS=$(scripts/verifiers.sh)
TEST_S3=$(scripts/s3.sh)
TEST_BAILEYS=$(scripts/baileys.sh)
TEST_SCHEMATHESIS=$(scripts/schemathesis.sh)
TEST_CLIENTS=$(scripts/clients.sh)
TEST_WASENDER=$(scripts/wasender.sh)
TEST_SNIPPETS=$(scripts/snippets.sh)
export TEST_VERIFIERS TEST_S3 TEST_BAILEYS TEST_SCHEMATHESIS TEST_CLIENTS TEST_WASENDER TEST_SNIPPETS

own_services
# They take the network and the disk while the compiler takes the processors.
scripts/services.sh start "$services" &
starting=$!
scripts/web.sh beside &
console=$!
background=("$starting" "$console")

# The live build first: both builds go to the same place, and the tests want the sandbox build there.
say "building the live build"
cargo build --bin wharf
cp "$TARGET/debug/wharf" "$TARGET/debug/wharf-live"
say "building the tests and the sandbox build"
cargo test --workspace "${SANDBOX[@]}" --no-run
wait "$starting" || die "the databases did not start"
wait "$console" || die "the console was not built"
background=()

use_services
export TEST_LIVE_BINARY=$TARGET/debug/wharf-live

failed=()
need_node
# Beside each other: most tests wait for a timer, a disk or a process more than for a processor.
say "the page in a browser, beside the Rust tests"
(cd web && WHARF_BIN=$TARGET/debug/wharf exec npx playwright test) >"$services/browser.log" 2>&1 &
browser=$!
background=("$browser")
say "the Rust tests"
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
cargo test --workspace "${SANDBOX[@]}" --no-fail-fast || failed+=("the Rust tests")
wait "$browser" || failed+=("the page")
background=()
say "the page in a browser"
cat "$services/browser.log"
if [ "${#failed[@]}" -gt 0 ]; then
  die "failed: ${failed[*]}"
fi
say "all passed"
