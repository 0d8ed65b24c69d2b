#!/usr/bin/env bash
# Installs what the code in the guides of other services runs on (axios, express, requests, Pillow), and what reads the
# codes that it shows, pinned, and prints where.
#
# Nothing of the system is touched: it lives in the cache, in a folder named after what is pinned. The browser is the one
# that scripts/services.sh installs.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/tests/snippets"

pins=$(cat requirements.txt package-lock.json | sha256sum | cut -c1-16)
home=$CACHE/snippets/$pins
if [ ! -d "$home" ]; then
  need_node
  python3 -m pip --version >/dev/null 2>&1 || apt_install "the guides' Python runs on wheels" python3-pip
  say "installing what the guides run on into $home"
  mkdir -p "$CACHE/snippets"
  new=$(mktemp -d "$CACHE/snippets/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip install --quiet --no-deps --target "$new/python" -r requirements.txt >&2
  mkdir "$new/node"
  cp package.json package-lock.json .npmrc "$new/node/"
  (cd "$new/node" && npm ci --ignore-scripts --loglevel=error >&2)
  chmod 755 "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -d "$home" ] || die "$home cannot be written"
fi
echo "$home"
