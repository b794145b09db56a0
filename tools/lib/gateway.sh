# shellcheck shell=bash
# The process of the gateway of a home.

# shellcheck source=tools/lib/script.sh
source "${BASH_SOURCE[0]%/*}/script.sh"

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
