import Postgres

/// Makes a database for one test, gives its URL to `body` and drops it afterwards.
public func withTestDatabase<R: Sendable>(template: String? = nil, _ body: (String) async throws -> R) async throws -> R {
    preconditionFailure("not built yet")
}
