#!/usr/bin/env bash
# Tries any bytes on what reads them: each fuzz target for so many seconds (600 unless the first argument says otherwise),
# or only the targets that are named after it.
#
# Runs on the compiler of rust-toolchain.toml: RUSTC_BOOTSTRAP lets it count coverage, and without a sanitizer nothing
# else of it has to be newer. What is found lies in fuzz/artifacts; mended, it becomes a seed, which `make test` plays.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
cd "$ROOT"
need_rust

seconds=${1:-600}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(addresses incoming vcards filters)

version=0.13.1
tools=$CACHE/cargo-fuzz-$version
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
  say "installing cargo-fuzz $version into $tools"
  cargo install cargo-fuzz --version "$version" --locked --root "$tools"
fi
command -v c++ >/dev/null || apt_install "libFuzzer is C++" g++ libc6-dev

# The coverage that is counted is a flag to the compiler, so everything is compiled once more: elsewhere.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$TARGET/fuzz PATH=$tools/bin:$PATH
for target in "${targets[@]}"; do
  say "$target, $seconds s"
  mkdir -p "fuzz/corpus/$target"
  cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1
done
