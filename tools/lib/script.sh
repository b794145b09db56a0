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

# forget_settings NAME...: unsets what the environment says to a gateway, to its databases and to libpq, but for these names (patterns
# too). What a script starts for itself must meet neither the servers and accounts of the person who runs it nor their settings.
forget_settings() {
    local name kept
    while IFS= read -r name; do
        case $name in
            DATABASE_URL | MIGRATION_DATABASE_URL | PROJECTOR_DATABASE_URL | TARGET_DATABASE_URL | REDIS_URL) ;;
            LLM_* | LLMGATEWAY_* | ROUTING_WEIGHT_* | FREE_MODEL_* | LOG_LEVEL) ;;
            API_URL | UI_URL | ORIGIN_URLS | COOKIE_DOMAIN | ADMIN_EMAILS | REQUIRE_EMAIL_VERIFICATION) ;;
            SMTP_URL | MAIL_FROM | PASSKEY_* | GITHUB_CLIENT_* | OIDC_*) ;;
            PROVIDER_KEY_ENCRYPTION_KEYS | ALLOW_PRIVATE_PROVIDER_URLS) ;;
            STRIPE_* | FEE_RULE | FIRST_TIME_CREDIT_BONUS_MULTIPLIER | INVOICE_*) ;;
            PG[A-Z]*) ;;
            *) continue ;;
        esac
        for kept in "$@"; do
            # shellcheck disable=SC2053  # a pattern
            [[ $name != $kept ]] || continue 2
        done
        unset "$name"
    done < <(compgen -e)
}
