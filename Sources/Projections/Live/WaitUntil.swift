public import Postgres

/// Waits until a projection's live tables hold everything up to a position, for reading one's own writes.
///
/// - Returns: Whether it happened before the deadline.
/// - Throws: What the database threw; ``ProjectionError/Code/notInstalled`` when the projection never ran.
public func waitUntil(
    projection: String, position: Int64, deadline: Duration = .seconds(2), client: PostgresClient
) async throws -> Bool {
    let end = ContinuousClock.now + deadline
    var pause = Duration.milliseconds(2)
    while true {
        let rows = try await client.query(
            "SELECT position FROM projections.checkpoints WHERE schema_name = $1", [.text(projection)])
        guard let row = rows.first else { throw ProjectionError(.notInstalled, "there is no projection \(projection)") }
        if try row.decode(0, as: Int64.self) >= position { return true }
        guard ContinuousClock.now + pause < end else { return false }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(50))
    }
}
