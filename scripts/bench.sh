#!/usr/bin/env bash
# The ratio benchmarks: each measures Wharf and its yardstick in one run and prints the ratio.
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
die "no benchmark is written yet: there is nothing to measure with, and no number to quote"
