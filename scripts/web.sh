#!/usr/bin/env bash
# Builds the console into web/dist, when its sources have changed since the last time.
#
#   web.sh           for whatever is built next
#   web.sh beside    while a debug build is under way, which reads the files from their folder
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/web"

# Two builds at a time would write into each other's folder.
exec 9>.lock
flock 9

sum() { sha256sum "$@" | sha256sum | cut -c1-64; }
of_lock=$(sum package-lock.json package.json)
of_sources=$(find src public index.html ./*.json ./*.ts ./*.js -type f | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum | cut -c1-64)

need_node
if [ "$(cat node_modules/.wharf-lock 2>/dev/null)" != "$of_lock" ]; then
  say "installing the console's tools"
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error
  echo "$of_lock" >node_modules/.wharf-lock
fi
if [ ! -f dist/index.html ] || [ "$(cat node_modules/.wharf-built 2>/dev/null)" != "$of_sources" ]; then
  say "building the console"
  npm run --silent build >&2
  echo "$of_sources" >node_modules/.wharf-built
  # A release build carries the files within, and cargo does not see that there are new ones.
  [ "${1:-}" = beside ] || touch "$ROOT/src/http/assets.rs"
fi
