#!/usr/bin/env bash
# run.sh sandbox|live: builds the console and the service, then starts the service in the foreground.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

case ${1:-sandbox} in
  sandbox)
    # A debug build reads the console from its folder, so that both can be built side by side. The console waits for what cargo
    # leaves: in the end that is half of the machine.
    nice -n 19 scripts/web.sh beside &
    console=$!
    trap 'kill "$console" 2>/dev/null || true' EXIT
    build_to_look_at
    wait "$console" || say "the console could not be built; the API works without it"
    trap - EXIT
    exec "$TARGET/debug/wharf" serve
    ;;
  live)
    scripts/web.sh || say "the console could not be built; the API works without it"
    # One that was built beside a debug build is newer than the last release build knows.
    [ ! -f web/dist/index.html ] || touch -r web/dist/index.html src/http/assets.rs
    cargo build --release --bin wharf
    exec "$TARGET/release/wharf" serve
    ;;
  *) die "usage: run.sh sandbox|live" ;;
esac
