#!/usr/bin/env bash
# Private PostgreSQL and MariaDB for the tests, and the programs that they drive: a browser and two proxies.
#
#   services.sh start DIR   install what is missing, start both in DIR, write DIR/env
#   services.sh stop DIR    stop them; DIR stays
#   services.sh restart DIR postgres|mariadb   stop one at once and start it again on its data and its port
#   services.sh env DIR     print the environment of the running services
#
# Nothing but loopback is listened on, no running server of the machine is touched, and DIR holds all data.
# The servers do not sync to disk: the tests are about what Wharf does, not about whether a database keeps
# its word. With SERVICES_DURABLE=1 they sync every commit, as in production: the benchmarks ask for that.
# Whatever cannot be had is an error: a test that is skipped proves nothing.
set -euo pipefail

readonly PACKAGES=(
  "curl:/usr/bin/curl:the guides of other services are run as printed"
  "jq:/usr/bin/jq:the guides of other services are run as printed"
  "postgresql:/usr/lib/postgresql/*/bin/initdb:the tests run on PostgreSQL"
  "mariadb-server:/usr/sbin/mariadbd:the tests run on MariaDB"
  "chromium-headless-shell:/usr/bin/chromium-headless-shell:the tests drive the page in a browser"
  "tinyproxy-bin:/usr/bin/tinyproxy:the tests connect sessions through an HTTP proxy"
  "microsocks:/usr/bin/microsocks:the tests connect sessions through a SOCKS proxy"
)

if [ -n "${SERVICES_DURABLE:-}" ]; then
  POSTGRES_SYNC=() MARIADB_SYNC=()
else
  POSTGRES_SYNC=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
  MARIADB_SYNC=(--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0)
fi
readonly POSTGRES_SYNC MARIADB_SYNC

say() { printf 'services: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

usage() {
  sed -n '3,7p' "$0" | cut -c3- >&2
  exit 2
}

# A process of ours is alive if its id is alive and still runs the program that we started.
alive() { # pidfile program
  local pid
  pid=$(head -n 1 "$1" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2"* ]]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_missing() {
  local entry package file why missing=()
  for entry in "${PACKAGES[@]}"; do
    IFS=: read -r package file why <<<"$entry"
    compgen -G "$file" >/dev/null && continue
    say "installing the Debian package $package, because $why"
    missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]}; there is no apt-get to install them with"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null ||
    die "missing: ${missing[*]}; run as root: apt-get install -y ${missing[*]}"
  as_root apt-get update -qq >&2
  # No server of the package may start on its own: the tests bring theirs.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Both servers refuse to run as root.
owner_of() { # system user of the package
  if [ "$(id -u)" = 0 ]; then echo "$1"; else id -un; fi
}

as_owner() { # user command...
  local user=$1
  shift
  if [ "$(id -un)" = "$user" ]; then "$@"; else (cd / && runuser -u "$user" -- "$@"); fi
}

free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  die "found no free port"
}

wait_for() { # name pid log command...
  local name=$1 pid=$2 log=$3
  shift 3
  for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || break
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.2
  done
  tail -n 20 "$log" >&2 || true
  die "$name is not ready after a minute, or has ended; its log is above"
}

folder() { # path user
  mkdir -p "$1"
  [ "$(id -u)" != 0 ] || chown "$2" "$1"
  chmod 700 "$1"
}

start_postgres() {
  local bin user home=$FAST/postgres
  bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
  user=$(owner_of postgres)
  if alive "$home/data/postmaster.pid" postgres; then
    return 0
  fi
  rm -rf "$home"
  folder "$home" "$user"
  as_owner "$user" "$bin/initdb" -D "$home/data" -U wharf -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
    >"$DIR/postgres.log" 2>&1 || { cat "$DIR/postgres.log" >&2; die "initdb failed"; }
  free_port >"$DIR/postgres.port"
  run_postgres
}

run_postgres() {
  local bin user home=$FAST/postgres port socket=$FAST
  bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
  user=$(owner_of postgres)
  port=$(cat "$DIR/postgres.port")
  # shellcheck disable=SC2046 # the runner is a command with its arguments
  setsid env -C / $(runner "$user") "$bin/postgres" -D "$home/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c "unix_socket_directories=$socket" "${POSTGRES_SYNC[@]}" \
    -c max_connections=400 -c shared_buffers=64MB -c deadlock_timeout=200ms \
    >>"$DIR/postgres.log" 2>&1 </dev/null &
  wait_for PostgreSQL "$!" "$DIR/postgres.log" "$bin/psql" -h 127.0.0.1 -p "$port" -U wharf -d postgres -c 'select 1'
}

start_mariadb() {
  local user home=$FAST/mariadb port socket
  user=$(owner_of mysql)
  if alive "$home/pid" mariadbd; then
    return 0
  fi
  rm -rf "$home"
  folder "$home" "$user"
  socket=$FAST/mariadb.sock
  mariadb-install-db --no-defaults --datadir="$home/data" --auth-root-authentication-method=normal \
    --skip-test-db --user="$user" >"$DIR/mariadb.log" 2>&1 ||
    { cat "$DIR/mariadb.log" >&2; die "mariadb-install-db failed"; }
  free_port >"$DIR/mariadb.port"
  run_mariadb
  mariadb --no-defaults --socket="$socket" -u root -e "
    CREATE OR REPLACE USER 'wharf'@'127.0.0.1' IDENTIFIED BY 'wharf';
    GRANT ALL PRIVILEGES ON *.* TO 'wharf'@'127.0.0.1';"
}

run_mariadb() {
  local user home=$FAST/mariadb port socket=$FAST/mariadb.sock
  user=$(owner_of mysql)
  port=$(cat "$DIR/mariadb.port")
  # shellcheck disable=SC2046 # the runner is a command with its arguments
  setsid env -C / $(runner "$user") /usr/sbin/mariadbd --no-defaults --datadir="$home/data" --pid-file="$home/pid" \
    --bind-address=127.0.0.1 --port="$port" --socket="$socket" --character-set-server=utf8mb4 \
    --skip-name-resolve --max-connections=400 "${MARIADB_SYNC[@]}" \
    --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --skip-log-bin --innodb-lock-wait-timeout=20 \
    >>"$DIR/mariadb.log" 2>&1 </dev/null &
  wait_for MariaDB "$!" "$DIR/mariadb.log" mariadb --no-defaults --socket="$socket" -u root -e 'select 1'
}

# What runs a server as its user without a shell in between, so that the id in its pid file is its own.
runner() { # user
  [ "$(id -un)" = "$1" ] || echo "setpriv --reuid=$1 --regid=$(id -g "$1") --clear-groups"
}

halt() { # pidfile program signal
  local pid
  alive "$1" "$2" || return 0
  pid=$(head -n 1 "$1")
  kill -s "$3" "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    [ -e "/proc/$pid" ] || return 0
    sleep 0.1
  done
  say "$2 ($pid) did not stop within 10 s and is killed"
  kill -s KILL "$pid" 2>/dev/null || true
}

stop() {
  rm -f "$DIR/env"
  [ -f "$DIR/fast" ] || return 0
  FAST=$(cat "$DIR/fast")
  halt "$FAST/postgres/data/postmaster.pid" postgres INT
  halt "$FAST/mariadb/pid" mariadbd TERM
  rm -rf "$FAST" "$DIR/fast"
}

# A folder with a short name, for sockets (a path of one may be 107 bytes long) and for the data: a test makes a
# database of its own, some hundred files, and MariaDB syncs its log of table changes whatever it is told.
fast_folder() {
  local base=${TMPDIR:-/tmp} free
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || free=0
  if [ -z "${SERVICES_DURABLE:-}" ] && [ -w /dev/shm ] && [ "$free" -gt $((2 << 20)) ]; then
    base=/dev/shm
  fi
  FAST=$(mktemp -d "$base/wharf-services.XXXXXX")
  chmod 1777 "$FAST"
  echo "$FAST" >"$DIR/fast"
}

start() {
  install_missing
  # The servers run as their own users and have to reach their folders.
  if [ "$(id -u)" = 0 ]; then
    local up=$DIR
    while [ "$up" != / ]; do
      as_owner "$(owner_of postgres)" test -x "$up" || die "$up must be passable for other users (chmod o+x)"
      up=$(dirname "$up")
    done
  fi
  exec 9>"$DIR/lock"
  flock -w 120 9 || die "another start in $DIR does not end"
  if [ -f "$DIR/fast" ] && [ -d "$(cat "$DIR/fast")" ]; then
    FAST=$(cat "$DIR/fast")
  else
    # A server that is left over here has lost its folder.
    stop
    fast_folder
  fi
  trap 'say "start failed"; stop' EXIT
  trap 'exit 130' INT TERM
  start_postgres 9>&-
  start_mariadb 9>&-
  cat >"$DIR/env.new" <<ENV
TEST_POSTGRES_URL=postgres://wharf@127.0.0.1:$(cat "$DIR/postgres.port")/postgres
TEST_MARIADB_URL=mysql://wharf:wharf@127.0.0.1:$(cat "$DIR/mariadb.port")/mysql
ENV
  mv "$DIR/env.new" "$DIR/env"
  trap - EXIT INT TERM
  say "ready; the environment is in $DIR/env"
}

# Orders a server to stop at once, as a crash of its machine would not, and a failover does.
restart() { # postgres|mariadb
  [ -f "$DIR/env" ] || die "not running in $DIR"
  FAST=$(cat "$DIR/fast")
  case $1 in
    postgres) halt "$FAST/postgres/data/postmaster.pid" postgres INT; run_postgres ;;
    mariadb) halt "$FAST/mariadb/pid" mariadbd TERM; run_mariadb ;;
    *) usage ;;
  esac
}

[ $# = 2 ] || [ "$1 $#" = "restart 3" ] || usage
DIR=$(mkdir -p "$2" && cd "$2" && pwd)
case $1 in
  start) start ;;
  stop) stop ;;
  restart) restart "$3" ;;
  env) cat "$DIR/env" 2>/dev/null || die "not running in $DIR; services.sh start $DIR" ;;
  *) usage ;;
esac
