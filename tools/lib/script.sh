# shellcheck shell=bash
# How every script of this folder begins. Each file here brings the others that it needs; what comes twice is as what comes once.

set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
EXECUTABLE=$ROOT/.build/release/llmgateway

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "tools/$(basename "$0"): $*"
    exit 1
}

show_log() {
    say "--- the last lines of $1"
    tail -n 20 "$1" >&2 || true
    say "---"
}
