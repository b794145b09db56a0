# shellcheck shell=bash
# The private servers together: who uses them, who stops them, and the environment that says where they are.

# shellcheck source=tools/lib/packages.sh
source "${BASH_SOURCE[0]%/*}/packages.sh"
# shellcheck source=tools/lib/home.sh
source "${BASH_SOURCE[0]%/*}/home.sh"
# shellcheck source=tools/lib/postgres.sh
source "${BASH_SOURCE[0]%/*}/postgres.sh"
# shellcheck source=tools/lib/redis.sh
source "${BASH_SOURCE[0]%/*}/redis.sh"
# shellcheck source=tools/lib/gateway.sh
source "${BASH_SOURCE[0]%/*}/gateway.sh"

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

# start_servers [postgres]: uses what the environment names; starts privately what it does not name and what does not run. Both, or
# Postgres alone.
start_servers() {
    local wants_redis=yes
    [ "${1:-}" != postgres ] || wants_redis=no
    if [ -z "${DATABASE_URL:-}" ]; then
        [ -z "${MIGRATION_DATABASE_URL:-}${PROJECTOR_DATABASE_URL:-}" ] \
            || die "MIGRATION_DATABASE_URL or PROJECTOR_DATABASE_URL without DATABASE_URL; set DATABASE_URL too, or none of them"
        need_packages postgres
    fi
    [ -z "${REDIS_URL:-}" ] || wants_redis=no
    [ "$wants_redis" = no ] || need_packages redis
    if [ -z "${DATABASE_URL:-}" ] || [ "$wants_redis" = yes ]; then
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
    if [ "$wants_redis" = yes ]; then
        if ! redis_runs; then
            started_redis=yes
            start_redis
        fi
        REDIS_URL=unix://$(redis_socket)
    fi
    [ -z "${REDIS_URL:-}" ] || export REDIS_URL
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
