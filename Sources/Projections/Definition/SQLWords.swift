/// The words that a projection's SQL may not use, with the reason.
enum SQLWords {
    private static let clock = "it reads the clock"
    private static let chance = "it is random"
    private static let counter = "a sequence counts rolled back and concurrent work too"
    private static let session = "it depends on the session"
    private static let effect = "it has effects beyond the transaction"
    private static let outside = "it reads or writes outside the projection's schema"
    private static let float = "sums of floating point depend on their order; amounts are bigint, shares are numeric"

    /// Anywhere, called or not.
    static let words: [String: String] = [
        "current_timestamp": clock, "current_date": clock, "current_time": clock, "localtime": clock, "localtimestamp": clock,
        "current_user": session, "session_user": session, "user": session, "current_role": session,
        "current_catalog": session, "current_schema": session,
        "serial": counter, "bigserial": counter, "smallserial": counter, "serial2": counter, "serial4": counter,
        "serial8": counter, "identity": counter, "sequence": counter,
        "float": float, "float4": float, "float8": float, "real": float, "double": float, "money": "it depends on the locale",
        "unlogged": "it is empty after a crash, and the checkpoint is not", "temp": outside, "temporary": outside,
        "concurrently": "it can't run inside the transaction", "tablesample": chance,
        "tablespace": outside, "inherits": outside,
    ]

    /// Called as a function.
    static let calls: [String: String] = [
        "now": clock, "clock_timestamp": clock, "statement_timestamp": clock, "transaction_timestamp": clock, "timeofday": clock,
        "age": "with one argument it reads the clock; subtract instead",
        "random": chance, "random_normal": chance, "setseed": chance, "gen_random_uuid": chance, "gen_random_bytes": chance,
        "nextval": counter, "currval": counter, "setval": counter, "lastval": counter,
        "set_config": session, "current_setting": session, "current_schemas": session, "current_database": session,
        "current_query": session, "version": session, "inet_client_addr": session, "inet_client_port": session,
        "inet_server_addr": session, "inet_server_port": session,
        "query_to_xml": outside, "table_to_xml": outside, "schema_to_xml": outside, "database_to_xml": outside,
        "txid_current": session, "txid_current_if_assigned": session, "txid_current_snapshot": session,
    ]

    /// Called as a function whose name begins so.
    static let callPrefixes: [(prefix: String, reason: String)] = [
        ("pg_", "it looks at or acts on the server"), ("lo_", effect), ("dblink", effect), ("uuid_generate_", chance),
        ("has_", session), ("txid_", session), ("cursor_to_", outside),
    ]

    /// Schemas that are never a projection's own.
    static let schemas: Set<String> = [
        "ledger", "projections", "pg_catalog", "information_schema", "public", "pg_temp", "pg_toast",
    ]
}
