public import Postgres

/// Waits until a projection's live tables hold everything up to a position, for reading one's own writes.
///
/// - Returns: Whether it happened before the deadline.
/// - Throws: What the database threw; ``ProjectionError/Code/notInstalled`` when the projection never ran.
public func waitUntil(
    projection: String, position: Int64, deadline: Duration = .seconds(2), client: PostgresClient
) async throws -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    var pause = Backoff(first: .milliseconds(2), last: .milliseconds(25))
    while true {
        let rows = try await client.query(
            "SELECT position FROM projections.checkpoints WHERE schema_name = $1", [.text(projection)], deadline: .seconds(5))
        guard let row = rows.first else {
            // The first projector may be about to make it.
            guard clock.now < end else { throw ProjectionError(.notInstalled, "there is no projection \(projection)") }
            try await Task.sleep(for: .milliseconds(25))
            continue
        }
        if try row.decode(0, as: Int64.self) >= position { return true }
        let wait = min(pause.next(), end - clock.now)
        guard wait > .zero else { return false }
        try await Task.sleep(for: wait)
    }
}
