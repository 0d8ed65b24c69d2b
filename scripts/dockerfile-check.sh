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
mkdir "$work/context"
git archive HEAD | tar --extract --directory="$work/context"
while read -r pattern; do
  case $pattern in ''|'#'*|'**'*) ;; *) rm -rf "${work:?}/context/$pattern" ;; esac
done <.dockerignore

say "stage web: with nothing but its folder"
expect 'COPY web/package.json web/package-lock.json web/'
expect 'npm --prefix web ci --no-audit --no-fund'
expect 'COPY web web'
expect 'npm --prefix web run build'
mkdir -p "$work/web/web"
cp "$work"/context/web/package{,-lock}.json "$work/web/web/"
(cd "$work/web" && npm --prefix web ci --no-audit --no-fund --loglevel=error) >&2
cp -R "$work/context/web" "$work/web/"
(cd "$work/web" && npm --prefix web run build) >&2

say "stage sources: the context, and the console that was built"
expect 'COPY . .'
expect 'COPY --from=web /src/web/dist web/dist'
mv "$work/context" "$work/build"
cp -R "$work/web/web/dist" "$work/build/web/"

expect "FROM rust:$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)-slim-bookworm"
# What a build script calls is missed in the image alone, so the build gets no more than there is in the image.
installs=(gcc libc6-dev make)
expect "apt-get install -y --no-install-recommends ${installs[*]} "
path=$PATH
if command -v dpkg-query >/dev/null; then
  say "its tools: Debian's essential packages, ${installs[*]}, and Rust"
  mkdir "$work/bin"
  {
    dpkg-query --show --showformat='${Essential} ${Priority} ${Package}\n' | awk '$1 == "yes" || $2 == "required" { print $3 }'
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
      --no-enhances "${installs[@]}" | grep '^[a-z0-9]'
  } | sort -u | xargs dpkg -L 2>/dev/null | grep -E '^(/usr)?/s?bin/[^/]+$' |
    xargs ln --symbolic --force --target-directory="$work/bin"
  # The first two are alternatives, which belong to no package.
  for tool in cc awk cargo rustc; do ln -sf "$(command -v "$tool")" "$work/bin/$tool"; done
  path=$work/bin
fi

say "stage build-$flavour"
expect 'cargo build --locked --release --bin wharf'
(cd "$work/build" && PATH=$path CARGO_TARGET_DIR="$TARGET" cargo build --locked --release --bin wharf "${features[@]}")
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
