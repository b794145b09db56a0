#!/usr/bin/env bash
# Whoever leaves takes the private servers from nobody, and the last one leaves none behind. Stand-ins for Postgres and Redis.
# usage: servers.sh FOLDER OF THE CHECKOUT

# shellcheck source=tools/lib/servers.sh
source "$1/tools/lib/servers.sh"

need_packages() { :; }
create_database() { :; }
find_places() { SERVERS=$LLMGATEWAY_HOME SOCKETS=$LLMGATEWAY_HOME; }
# runs NAME, start NAME, stop NAME
runs() { is_alive "$(cat "$LLMGATEWAY_HOME/$1.pid" 2>/dev/null || echo none)"; }
# As a daemon, which keeps no lock of whoever started it.
start() { as_server sh -c 'sleep 120 >/dev/null 2>&1 & echo $!' >"$LLMGATEWAY_HOME/$1.pid"; }
stop() {
    ! runs "$1" || kill -KILL "$(cat "$LLMGATEWAY_HOME/$1.pid")"
    while runs "$1"; do sleep 0.02; done
}
postgres_runs() { runs postgres; }
start_postgres() { start postgres; }
stop_postgres() { stop postgres; }
redis_runs() { runs redis; }
start_redis() { start redis; }
stop_redis() { stop redis; }

unset DATABASE_URL MIGRATION_DATABASE_URL PROJECTOR_DATABASE_URL REDIS_URL
use_home "$(mktemp -d)"
home=$LLMGATEWAY_HOME
gateway=
# shellcheck disable=SC2317  # called by the trap
finish() {
    touch "$home"/{first,second,third}.leaves
    wait "${users[@]}" || true
    [ -z "$gateway" ] || kill -KILL "$gateway" 2>/dev/null || true
    stop postgres
    stop redis
    rm -rf "$home"
}
users=()
trap finish EXIT

until_there() {
    local deadline=$((SECONDS + 20))
    until [ -e "$1" ]; do
        [ "$SECONDS" -lt "$deadline" ] || die "there is no $1"
        sleep 0.02
    done
}

# A script like tools/psql that uses the servers until it is told to leave.
comes() {
    rm -f "$home/$1.leaves" "$home/$1.is_there"
    (
        trap stop_started_servers EXIT
        start_servers
        touch "$home/$1.is_there"
        until_there "$home/$1.leaves"
    ) &
    users+=($!)
    until_there "$home/$1.is_there"
}

leaves() {
    touch "$home/$1.leaves"
    wait "${users[$2]}"
}

expect() {
    local name answer
    for name in postgres redis; do
        answer=no
        ! runs "$name" || answer=yes
        [ "$answer" = "$1" ] || die "$2: $name runs: $answer"
    done
}

comes first
expect yes "one who uses them"
leaves first 0
expect no "nobody is left"

comes first
comes second
leaves first 1
expect yes "who started them left before another"
leaves second 2
expect no "the last one left"

comes first
sleep 120 &
gateway=$!
echo "$gateway" >"$(gateway_pid_file)"
leaves first 3
expect yes "a gateway runs"
comes second
leaves second 4
expect yes "a gateway runs on"
kill -KILL "$gateway"
wait "$gateway" 2>/dev/null || true
comes third
leaves third 5
expect no "the gateway has ended"

# tools/psql.
(
    trap stop_started_servers EXIT
    start_servers postgres
    runs postgres || die "Postgres was not started"
    ! runs redis || die "Redis was started for who wants Postgres alone"
)
expect no "who wanted Postgres alone left"
echo fine
