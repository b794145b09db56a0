# shellcheck shell=bash
# What the scripts of this folder share: packages, the build, a private Postgres and Redis, and the environment of llmgateway.
#
# A home is a folder with everything that a set-up keeps: LLMGATEWAY_HOME, or .llmgateway in the checkout.
#   servers/   the data of the private Postgres and Redis, their logs, and run/ with their sockets
#   log/       what the gateway and the build had to say
#   demo-key   the key of the demo organization
# Postgres refuses to run as root, so for root the servers run as the user postgres. Where that user can't reach the home, or
# the path of a socket would be too long, another place is found and written down in the home.

set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
EXECUTABLE=$ROOT/.build/release/llmgateway

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "tools/$(basename "$0"): $*"
    exit 1
}

# --- Packages

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

# --- The home

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

show_log() {
    say "--- the last lines of $1"
    tail -n 20 "$1" >&2 || true
    say "---"
}

# --- Postgres

postgres_folder() {
    printf '%s\n' "$SERVERS/postgres"
}

postgres_ctl() {
    local programs
    programs=$(postgres_programs "$(as_server cat "$(postgres_folder)/PG_VERSION")") \
        || die "the data in $(postgres_folder) needs Postgres $(as_server cat "$(postgres_folder)/PG_VERSION")"
    as_server "$programs/pg_ctl" --pgdata "$(postgres_folder)" "$@"
}

postgres_runs() {
    as_server test -f "$(postgres_folder)/PG_VERSION" && postgres_ctl status >/dev/null 2>&1
}

# A sixteenth of the memory, 128 MiB to 1 GiB: the pages that are written again and again stay in it.
buffer_megabytes() {
    local megabytes
    megabytes=$(awk '/^MemTotal:/ { print int($2 / 16384) }' /proc/meminfo)
    [ "$megabytes" -ge 128 ] || megabytes=128
    [ "$megabytes" -le 1024 ] || megabytes=1024
    printf '%s\n' "$megabytes"
}

start_postgres() {
    local folder log=$SERVERS/log/postgres.log
    folder=$(postgres_folder)
    if ! as_server test -f "$folder/PG_VERSION"; then
        as_server rm -rf "$folder.new"
        as_server "$(postgres_programs)/initdb" --pgdata "$folder.new" --username postgres --auth trust --encoding UTF8 \
            --locale C.UTF-8 --no-instructions >"$LLMGATEWAY_HOME/log/initdb.log" 2>&1 \
            || { show_log "$LLMGATEWAY_HOME/log/initdb.log"; die "initdb failed"; }
        as_server mv "$folder.new" "$folder"
    fi
    # pg_ctl waits, also for the recovery after a crash; it gives up after the time given. A batch of events is larger than
    # what malloc takes for a passing need: without the thresholds each batch gets its memory from the kernel, page by page.
    MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=67108864 postgres_ctl start --wait --timeout 120 --silent --log "$log" --options "-c listen_addresses='' \
        -c unix_socket_directories='$SOCKETS' -c unix_socket_permissions=0700 -c fsync=on -c synchronous_commit=on \
        -c max_connections=600 -c shared_buffers=$(buffer_megabytes)MB -c max_wal_size=4GB -c checkpoint_timeout=15min -c jit=off" \
        >&2 </dev/null || { show_log "$log"; die "Postgres did not start within 120 s"; }
}

stop_postgres() {
    if postgres_runs; then
        postgres_ctl stop --mode fast --wait --timeout 120 --silent >&2 || { show_log "$SERVERS/log/postgres.log"; return 1; }
    fi
}

# postgres_url USER DATABASE
postgres_url() {
    printf 'postgres:///%s?host=%s&user=%s\n' "$2" "$SOCKETS" "$1"
}

private_sql() {
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$(postgres_url postgres postgres)" "$@"
}

create_database() {
    [ "$(private_sql --command "SELECT 1 FROM pg_database WHERE datname = '$1'")" = 1 ] \
        || private_sql --command "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
}

# --- Redis: a copy of what Postgres holds. It keeps nothing on disk, since a dump from the past would be distrusted and
# replaced at the next start anyway; and it must not evict.

redis_socket() {
    printf '%s\n' "$SOCKETS/redis.sock"
}

redis_runs() {
    [ "$(timeout 5 redis-cli -s "$(redis_socket)" ping 2>/dev/null)" = PONG ]
}

start_redis() {
    local log=$SERVERS/log/redis.log
    as_server redis-server --port 0 --unixsocket "$(redis_socket)" --unixsocketperm 700 --dir "$SERVERS/redis" \
        --save '' --appendonly no --maxmemory-policy noeviction --daemonize yes --pidfile "$SERVERS/redis/redis.pid" \
        --logfile "$log" >&2 </dev/null || { show_log "$log"; die "Redis did not start"; }
    local deadline=$((SECONDS + 20))
    until redis_runs; do
        [ "$SECONDS" -lt "$deadline" ] || { show_log "$log"; die "Redis was not ready within 20 s"; }
        sleep 0.05
    done
}

stop_redis() {
    redis_runs || return 0
    timeout 10 redis-cli -s "$(redis_socket)" shutdown nosave >/dev/null 2>&1 || true
    local deadline=$((SECONDS + 10))
    while redis_runs; do
        [ "$SECONDS" -lt "$deadline" ] || { say "Redis did not stop"; return 1; }
        sleep 0.05
    done
}

# --- Both, and the environment

# Whoever uses the private servers holds servers.lock (8) shared for its life; a gateway without tools/up counts by its process.
# Whoever starts or stops one holds servers.change (7) meanwhile, so that nobody finds one that is about to be stopped.
uses_servers=no
# Whether this script started them, so that they are stopped when nobody uses them any more.
started_postgres=no
started_redis=no

# Waits as long as somebody else may take to start both, or to stop both.
change_servers() {
    exec 7>"$LLMGATEWAY_HOME/servers.change"
    flock --timeout 300 7
}

# The file that says that whoever started them has left before others did.
left_servers_file() {
    printf '%s\n' "$LLMGATEWAY_HOME/servers.left"
}

# Uses what the environment names; starts privately what it does not name and what does not run.
start_servers() {
    if [ -z "${DATABASE_URL:-}" ]; then
        [ -z "${MIGRATION_DATABASE_URL:-}${PROJECTOR_DATABASE_URL:-}" ] \
            || die "MIGRATION_DATABASE_URL or PROJECTOR_DATABASE_URL without DATABASE_URL; set DATABASE_URL too, or none of them"
        need_packages postgres
    fi
    [ -n "${REDIS_URL:-}" ] || need_packages redis
    if [ -z "${DATABASE_URL:-}" ] || [ -z "${REDIS_URL:-}" ]; then
        [ "$(id -u)" -ne 0 ] || id postgres >/dev/null 2>&1 || need_packages postgres
        change_servers || die "somebody else is starting or stopping the servers of $LLMGATEWAY_HOME"
        find_places
        exec 8>"$LLMGATEWAY_HOME/servers.lock"
        flock --shared 8
        uses_servers=yes
    fi
    if [ -z "${DATABASE_URL:-}" ]; then
        if ! postgres_runs; then
            started_postgres=yes
            start_postgres
        fi
        create_database llmgateway
        DATABASE_URL=$(postgres_url llmgateway_service llmgateway)
        MIGRATION_DATABASE_URL=$(postgres_url postgres llmgateway)
        PROJECTOR_DATABASE_URL=$(postgres_url llmgateway_projector llmgateway)
        export PROJECTOR_DATABASE_URL
    fi
    export DATABASE_URL
    export MIGRATION_DATABASE_URL=${MIGRATION_DATABASE_URL:-$DATABASE_URL}
    if [ -z "${REDIS_URL:-}" ]; then
        if ! redis_runs; then
            started_redis=yes
            start_redis
        fi
        REDIS_URL=unix://$(redis_socket)
    fi
    export REDIS_URL
    exec 7>&-
}

# Of those who use the servers that one of them started, the last stops them.
stop_started_servers() {
    local left
    [ "$uses_servers" = yes ] || return 0
    uses_servers=no
    left=$(left_servers_file)
    [ "$started_postgres$started_redis" = nono ] || : >"$left"
    started_postgres=no
    started_redis=no
    change_servers || return 0
    if [ -f "$left" ] && flock --nonblock 8 && ! gateway_pid >/dev/null; then
        stop_redis || true
        stop_postgres || true
        rm -f "$left"
    fi
    # Explicitly: a process that this script began and left behind may have it too.
    flock --unlock 8
    exec 7>&- 8>&-
}

# --- The gateway

gateway_pid_file() {
    printf '%s\n' "$LLMGATEWAY_HOME/gateway.pid"
}

# Neither gone nor a zombie.
is_alive() {
    local status
    status=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    status=${status##*) }
    [ "${status%% *}" != Z ]
}

# The process of the running gateway of this home, if there is one.
gateway_pid() {
    local pid
    pid=$(cat "$(gateway_pid_file)" 2>/dev/null) || return 1
    is_alive "$pid" || return 1
    # The number may belong to somebody else since a reboot.
    grep -qzxF "LLMGATEWAY_HOME=$LLMGATEWAY_HOME" "/proc/$pid/environ" 2>/dev/null || return 1
    printf '%s\n' "$pid"
}

# It finishes what is in flight, which is cut off when its drain is over; half a minute later it has had its time. How long the
# drain is, it was told itself: whoever stops it may have been told otherwise, or nothing.
stop_gateway() {
    local pid=$1 seconds deadline
    seconds=$({ tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^LLMGATEWAY_DRAIN_SECONDS=//p'; } 2>/dev/null) || true
    [[ $seconds =~ ^[0-9]{1,5}$ ]] || seconds=25
    seconds=$((10#$seconds + 35))
    deadline=$((SECONDS + seconds))
    kill -TERM "$pid" 2>/dev/null || return 0
    while is_alive "$pid"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "The gateway did not stop within $seconds s; ending it"
            kill -KILL "$pid" 2>/dev/null || true
            break
        fi
        sleep 0.05
    done
}
