#!/usr/bin/env bash
# Installs Baileys, a WhatsApp client by other people that the tests let talk to ours, pinned, and prints where.
#
# Nothing of the system is touched: it lives in the cache, in a folder named after what is pinned. What it runs without
# (thumbnails, link previews) is left out, and no package's script is run.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/tests/baileys"

home=$CACHE/baileys/$(sha256sum <package-lock.json | cut -c1-16)
if [ ! -d "$home" ]; then
  need_node
  say "installing Baileys into $home"
  mkdir -p "$CACHE/baileys"
  new=$(mktemp -d "$CACHE/baileys/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  cp package.json package-lock.json .npmrc "$new/"
  (cd "$new" && npm ci --loglevel=error >&2)
  chmod 755 "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -d "$home" ] || die "$home cannot be written"
fi
echo "$home"
