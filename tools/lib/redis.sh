# shellcheck shell=bash
# The private Redis: a copy of what Postgres holds. It keeps nothing on disk, since a dump from the past would be distrusted and
# replaced at the next start anyway; and it must not evict.

# shellcheck source=tools/lib/home.sh
source "${BASH_SOURCE[0]%/*}/home.sh"

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
