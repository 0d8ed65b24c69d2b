#!/usr/bin/env bash
# Runs the steps of the Dockerfile in a plain folder, for machines without an engine, and says what that leaves open.
#
#   dockerfile-check.sh [live|sandbox]     default: live; a release build takes several minutes
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust
need_node
flavour=${1:-live}
case $flavour in
  live) features=() ;;
  sandbox) features=("${SANDBOX[@]}") ;;
  *) die "usage: dockerfile-check.sh [live|sandbox]" ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/wharf-image.XXXXXX")
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap finish EXIT

# The steps below are written out; this holds them to the file.
expect() { grep -qF -- "$1" Dockerfile || die "the Dockerfile has no longer \"$1\": bring this script up to date"; }

say "the build context: what is committed, without what .dockerignore names"
mkdir "$work/src"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$work/src"
while read -r pattern; do
  case $pattern in ''|'#'*|'**'*) ;; *) rm -rf "${work:?}/src/$pattern" ;; esac
done <.dockerignore

say "stage web"
expect 'npm --prefix web ci --no-audit --no-fund'
expect 'npm --prefix web run build'
(cd "$work/src" && npm --prefix web ci --no-audit --no-fund --loglevel=error && npm --prefix web run build) >&2

say "stage sources: the context, and the console that was built"
expect 'COPY . .'
expect 'COPY --from=web /src/web/dist web/dist'
rm -rf "$work/src/web/node_modules"
mv "$work/src" "$work/build"

say "stage build-$flavour"
expect 'cargo build --locked --release --bin wharf'
(cd "$work/build" && CARGO_TARGET_DIR="$TARGET" cargo build --locked --release --bin wharf "${features[@]}")
cp "$TARGET/release/wharf" "$work/wharf"

say "the entry point: without rights, with a read-only folder around it"
mkdir -m 0700 "$work/data"
run=()
if [ "$(id -u)" = 0 ]; then
  chown 10001:10001 "$work/data"
  chmod 755 "$work"
  run=(setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs)
fi
chmod a-w "$work"
env=(env -i "PATH=$PATH" "DATA_DIR=$work/data" HOST=0.0.0.0 PORT=18080 WHARF_SANDBOX__LISTEN=127.0.0.1:18090)
"${run[@]}" "${env[@]}" "$work/wharf" serve >/dev/null 2>"$TARGET/dockerfile-check.log" &
server=$!
for _ in $(seq 100); do
  kill -0 "$server" 2>/dev/null || { cat "$TARGET/dockerfile-check.log" >&2; die "the service ended"; }
  ! "${run[@]}" "${env[@]}" "$work/wharf" healthcheck 2>/dev/null || break
  sleep 0.2
done
"${run[@]}" "${env[@]}" "$work/wharf" healthcheck || die "the service is not healthy after 20 s"
kill -TERM "$server"
wait "$server" || die "the service did not stop with 0"
server=

say "proven: the committed sources build by the file's steps, run without rights, answer the healthcheck, stop with 0"
say "not proven, for want of an engine: the base images, the layers, HEALTHCHECK and USER as the engine applies them,"
say "  a root that the kernel mounts read-only, the size of the image"
