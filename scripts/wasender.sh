#!/usr/bin/env bash
# Installs the clients of the Wasender service that the tests call it with, pinned, and prints where.
#
# Nothing of the system is touched: they live in the cache, in a folder named after what is pinned.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/tests/wasender"

pins=$(cat requirements.txt package-lock.json | sha256sum | cut -c1-16)
home=$CACHE/wasender/$pins
if [ ! -d "$home" ]; then
  need_node
  python3 -m pip --version >/dev/null 2>&1 || apt_install "the Python client is a wheel" python3-pip
  say "installing the clients of the Wasender service into $home"
  mkdir -p "$CACHE/wasender"
  new=$(mktemp -d "$CACHE/wasender/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip install --quiet --no-deps --target "$new/python" -r requirements.txt >&2
  mkdir "$new/node"
  cp package.json package-lock.json .npmrc "$new/node/"
  (cd "$new/node" && npm ci --no-audit --no-fund --loglevel=error >&2)
  chmod 755 "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -d "$home" ] || die "$home cannot be written"
fi
echo "$home"
