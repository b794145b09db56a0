public import Postgres

/// Waits until a projection's live tables hold everything up to a position, for reading one's own writes.
///
/// - Returns: Whether it happened before the deadline.
/// - Throws: What the database threw; ``ProjectionError/Code/notInstalled`` when the projection never ran.
public func waitUntil(
    projection: String, position: Int64, deadline: Duration = .seconds(2), client: PostgresClient
) async throws -> Bool {
    preconditionFailure("not built yet")
}
