/// How to reach a database. Its description hides the password.
public struct PostgresConfiguration: Sendable {
    /// What `pg_stat_activity` shows.
    public var applicationName: String = "llmgateway"
    /// How long opening one connection may take.
    public var connectTimeout: Duration = .seconds(5)
    /// Settings of the session (`synchronous_commit`, `search_path`, …), sent as startup options so that they survive RESET.
    public var settings: [String: String] = [:]

    /// A configuration from a URL such as `postgres://user:password@host:5432/database?sslmode=require`.
    ///
    /// Throws `invalidConfiguration`.
    public init(url: String) throws(PostgresError) {
        preconditionFailure("not built yet")
    }
}
