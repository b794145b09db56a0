# shellcheck shell=bash
# The private Postgres.

# shellcheck source=tools/lib/packages.sh
source "${BASH_SOURCE[0]%/*}/packages.sh"
# shellcheck source=tools/lib/home.sh
source "${BASH_SOURCE[0]%/*}/home.sh"

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
