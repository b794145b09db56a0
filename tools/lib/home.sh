# shellcheck shell=bash
# A home is a folder with everything that a set-up keeps: LLMGATEWAY_HOME, or .llmgateway in the checkout.
#   servers/   the data of the private Postgres and Redis, their logs, and run/ with their sockets
#   log/       what the gateway and the build had to say
#   demo-key   the key of the demo organization
# Postgres refuses to run as root, so for root the servers run as the user postgres. Where that user can't reach the home, or
# the path of a socket would be too long, another place is found and written down in the home.

# shellcheck source=tools/lib/script.sh
source "${BASH_SOURCE[0]%/*}/script.sh"

# use_home FOLDER
use_home() {
    mkdir -p "$1"
    LLMGATEWAY_HOME=$(cd "$1" && pwd -P)
    export LLMGATEWAY_HOME
    export LLMGATEWAY_ROOT=$ROOT
    mkdir -p "$LLMGATEWAY_HOME/log"
}

# Runs a command as the user that the private servers belong to, in a folder that this user can be in. 7 to 9 are locks of the
# scripts, which a server would hold for as long as it runs.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@" 7>&- 8>&- 9>&-)
    else
        (cd / && exec "$@" 7>&- 8>&- 9>&-)
    fi
}

# private_folder FOLDER: makes it, for the servers' user alone; fails if that user can't reach it.
private_folder() {
    mkdir -p "$1" && chmod 700 "$1" || return 1
    [ "$(id -u)" -ne 0 ] || chown postgres: "$1"
    as_server test -x "$1" -a -w "$1"
}

is_private() {
    [ -d "$1" ] && [ ! -L "$1" ] && as_server test -O "$1"
}

# Sets SERVERS and SOCKETS.
find_places() {
    [ "$(id -u)" -ne 0 ] || id postgres >/dev/null 2>&1 || die "root needs the user postgres to run Postgres; there is none"
    local note=$LLMGATEWAY_HOME/servers.path
    SERVERS=$LLMGATEWAY_HOME/servers
    [ ! -f "$note" ] || SERVERS=$(cat "$note")
    if ! private_folder "$SERVERS"; then
        rmdir "$SERVERS" 2>/dev/null || true
        SERVERS=/var/lib/llmgateway-$(printf '%s' "$LLMGATEWAY_HOME" | cksum | cut -d ' ' -f 1)
        private_folder "$SERVERS" || die "the user postgres can reach neither $LLMGATEWAY_HOME nor $SERVERS"
        printf '%s\n' "$SERVERS" >"$note"
        say "The user postgres can't reach $LLMGATEWAY_HOME; its data lies in $SERVERS"
    fi
    if ! private_folder "$SERVERS/log" || ! private_folder "$SERVERS/redis"; then
        die "can't make folders in $SERVERS"
    fi

    # The path of a unix socket has at most 107 bytes; in a URL only plain characters need no escapes.
    local LC_ALL=C longest
    SOCKETS=$SERVERS/run
    longest=$SOCKETS/.s.PGSQL.5432
    note=$LLMGATEWAY_HOME/sockets.path
    if [ ${#longest} -ge 107 ] || [[ $SOCKETS == *[!A-Za-z0-9/._-]* ]]; then
        SOCKETS=
        [ ! -f "$note" ] || SOCKETS=$(cat "$note")
        if [ -z "$SOCKETS" ] || ! is_private "$SOCKETS"; then
            local parent=/tmp
            if [ "$(id -u)" -ne 0 ] && [ -n "${XDG_RUNTIME_DIR:-}" ] && [ ${#XDG_RUNTIME_DIR} -lt 60 ] \
                && [[ $XDG_RUNTIME_DIR != *[!A-Za-z0-9/._-]* ]] && [ -w "$XDG_RUNTIME_DIR" ]; then
                parent=$XDG_RUNTIME_DIR
            fi
            SOCKETS=$(mktemp -d "$parent/llmgateway.XXXXXX")
            printf '%s\n' "$SOCKETS" >"$note"
        fi
    fi
    private_folder "$SOCKETS" || die "can't make $SOCKETS"
}
