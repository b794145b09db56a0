# shellcheck shell=bash
# What must be installed, and installing it.

# shellcheck source=tools/lib/script.sh
source "${BASH_SOURCE[0]%/*}/script.sh"

has() {
    command -v "$1" >/dev/null 2>&1
}

has_library() {
    has pkg-config && pkg-config --exists "$1"
}

# The folder of the newest Postgres programs, or of the version that is named.
postgres_programs() {
    local folder newest=
    for folder in /usr/lib/postgresql/*/bin; do
        [ -z "${1:-}" ] || [ "$folder" = "/usr/lib/postgresql/$1/bin" ] || continue
        [ ! -x "$folder/initdb" ] || [ ! -x "$folder/pg_ctl" ] || newest=$folder
    done
    if [ -z "$newest" ] && has initdb && has pg_ctl; then
        newest=$(dirname "$(command -v initdb)")
    fi
    [ -n "$newest" ] && printf '%s\n' "$newest"
}

# missing_packages build|postgres|redis|tests...: the Debian packages whose content is not here, whoever brought it.
missing_packages() {
    local purpose
    for purpose in "$@"; do
        case $purpose in
            build)
                has pkg-config || echo pkg-config
                has_library libpq || echo libpq-dev
                has_library hiredis || echo libhiredis-dev
                has_library libcurl || echo libcurl4-openssl-dev
                ;;
            postgres) { postgres_programs >/dev/null && has psql; } || echo postgresql ;;
            redis) { has redis-server && has redis-cli; } || echo redis-server ;;
            tests)
                has gcc || echo gcc
                [ -x /usr/sbin/nginx ] || has nginx || echo nginx-light
                has openssl || echo openssl
                has chromium || echo chromium
                has chromedriver || echo chromium-driver
                python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
                ;;
        esac
    done
}

need_packages() {
    local packages prefix=()
    mapfile -t packages < <(missing_packages "$@")
    [ ${#packages[@]} -gt 0 ] || return 0
    local install="apt-get install -y ${packages[*]}"
    has apt-get || die "these Debian packages, or what matches them here, are missing: ${packages[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        if has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            prefix=(sudo)
        else
            die "packages are missing and only root can install them; run first: sudo $install"
        fi
    fi
    say "Installing ${packages[*]}"
    local quiet=(-qq -o DPkg::Lock::Timeout=300)
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" update >&2 || say "apt-get update failed; going on"
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" install -y --no-install-recommends "${packages[@]}" \
        </dev/null >&2 || die "could not install; run: ${prefix[*]} $install"
    hash -r
    mapfile -t packages < <(missing_packages "$@")
    [ ${#packages[@]} -eq 0 ] || die "still missing after the installation: ${packages[*]}"
}
