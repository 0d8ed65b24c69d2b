#!/usr/bin/env bash
# Installs Schemathesis, which makes up requests from the description of the API, pinned, and prints where.
#
# Nothing of the system is touched: it lives in the cache, in a folder named after what is pinned.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT/tests/schemathesis"

home=$CACHE/schemathesis/$(sha256sum <requirements.txt | cut -c1-16)
if [ ! -d "$home" ]; then
  python3 -m pip --version >/dev/null 2>&1 || apt_install "Schemathesis is a wheel" python3-pip
  say "installing Schemathesis into $home"
  mkdir -p "$CACHE/schemathesis"
  new=$(mktemp -d "$CACHE/schemathesis/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip install --quiet --no-deps --target "$new/python" -r requirements.txt >&2
  chmod 755 "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -d "$home" ] || die "$home cannot be written"
fi
echo "$home"
