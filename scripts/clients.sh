#!/usr/bin/env bash
# Installs what the clients are built and checked with (TypeScript, mypy and the like), pinned, and prints where.
#
# Nothing of the system is touched: it lives in the cache, in a folder named after what is pinned. The clients themselves
# are built by tests/it/packages.rs, each time from their sources.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/clients"

pins=$(cat python/requirements.txt typescript/package-lock.json | sha256sum | cut -c1-16)
home=$CACHE/clients/$pins
if [ ! -d "$home" ]; then
  need_node
  python3 -m pip --version >/dev/null 2>&1 || apt_install "the Python client's tools are wheels" python3-pip
  say "installing what the clients are built with into $home"
  mkdir -p "$CACHE/clients"
  new=$(mktemp -d "$CACHE/clients/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip install --quiet --no-deps --target "$new/python" -r python/requirements.txt >&2
  mkdir "$new/node"
  cp typescript/package.json typescript/package-lock.json typescript/.npmrc "$new/node/"
  (cd "$new/node" && npm ci --loglevel=error >&2)
  chmod 755 "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -d "$home" ] || die "$home cannot be written"
fi
echo "$home"
