# shellcheck shell=bash
# Swift, and what is built with it.

# shellcheck source=tools/lib/packages.sh
source "${BASH_SOURCE[0]%/*}/packages.sh"

need_swift() {
    has swift || die "swift is not in PATH; install Swift 6.2 or newer from https://www.swift.org/install/linux"
}

# build_release PRODUCT: the same whether CI is set or not, so that tools/up and tools/test share it. Optimized across modules,
# and with Swift's own library inside, a request takes 5 % less, and the executable runs where no Swift is installed.
build_release() {
    need_swift
    (cd "$ROOT" && env -u CI swift build -c release --product "$1" --static-swift-stdlib -Xswiftc -cross-module-optimization) >&2 \
        || die "the build failed"
    [ -x "$ROOT/.build/release/$1" ] || die "the build made no $ROOT/.build/release/$1"
}
