import Ledger
import Logging
import Postgres

/// Applies batches to one schema of a projection: rows, copy and checkpoint in one transaction.
struct BatchRunner {
    /// What was done.
    struct Applied: Sendable, Hashable {
        var after: Int64
        var upto: Int64
        /// The ledger's newest position when the batch began.
        var head: Int64
        /// Whether the checkpoint moved; it does not when there was nothing new.
        var moved: Bool { upto > after }
        /// Whether there was an event for the projection; nil where nobody looked.
        var foundAny: Bool?
    }

    let definition: ProjectionDefinition
    let schema: String
    let connection: PostgresConnection
    let mirror: (any ProjectionMirror)?
    private let statements: [String]

    init(
        definition: ProjectionDefinition, schema: String, connection: PostgresConnection, mirror: (any ProjectionMirror)? = nil
    ) {
        self.definition = definition
        self.schema = schema
        self.connection = connection
        self.mirror = mirror
        statements = SQLLexer.ranges(of: definition.apply)
    }

    /// Applies at most `limit` positions, none beyond `ceiling`.
    ///
    /// - Parameter looksFirst: Looks whether there is an event for the projection before its statements run, which cost far more
    ///   than the look where there is none.
    /// - Throws: ``BatchFailure``; nothing was applied then.
    func apply(limit: Int64, ceiling: Int64 = .max, looksFirst: Bool = false) async throws(BatchFailure) -> Applied {
        do {
            return try await attempt(limit: limit, ceiling: ceiling, looksFirst: looksFirst)
        } catch {
            await connection.rollback()
            throw (error as? BatchFailure) ?? .outage(error)
        }
    }

    private func attempt(limit: Int64, ceiling: Int64, looksFirst: Bool) async throws -> Applied {
        var opening = [
            PostgresStatement("BEGIN"),
            Checkpoint.hold(schema: schema),
            PostgresStatement(
                """
                SELECT
                    \(Checkpoint.columns),
                    set_config('projection.after', c.position::text, true),
                    set_config('projection.upto', least(
                        c.position + $2, $3, (SELECT coalesce(max(h.position), 0) FROM ledger.events AS h))::text, true)
                FROM projections.checkpoints AS c WHERE c.schema_name = $1
                """, [.text(schema), .int8(limit), .int8(ceiling)]),
        ]
        if looksFirst { opening.append(PostgresStatement("SELECT EXISTS (SELECT FROM batch)")) }
        let opened = try await connection.pipeline(opening)
        guard let row = try opened.prefix(3).map({ try $0.get() }).last?.first else { throw BatchFailure.missing }
        let checkpoint = try Checkpoint(row)
        try check(checkpoint)
        let upto = min(checkpoint.position + limit, ceiling, checkpoint.head)
        var applied = Applied(after: checkpoint.position, upto: max(upto, checkpoint.position), head: checkpoint.head)
        guard applied.moved else {
            await connection.rollback()
            return applied
        }
        let moving = Self.moving(schema: schema, to: applied.upto)
        if looksFirst {
            do {
                applied.foundAny = try opened[3].get().first?.decode(0)
            } catch {
                // An event that the projection does not know is one for it.
                throw Self.failure(error, applied)
            }
            if applied.foundAny == false {
                for result in try await connection.pipeline(moving) { _ = try result.get() }
                return applied
            }
        }
        if let mirror {
            try await applyRows(applied)
            try await bring(mirror, to: applied)
            for result in try await connection.pipeline(moving) { _ = try result.get() }
        } else {
            try await applyRows(applied, then: moving)
        }
        return applied
    }

    private func check(_ checkpoint: Checkpoint) throws(BatchFailure) {
        guard checkpoint.isMade(by: definition) else {
            let change =
                checkpoint.version == definition.version
                ? "made by other SQL of the same version \(definition.version): raise the version"
                : "of version \(checkpoint.version), the folder is of version \(definition.version)"
            throw .outdated("the tables of \(definition.name) are \(change); rebuild it")
        }
        guard checkpoint.isOfThisLedger else {
            throw .otherHistory(
                "the ledger does not hold the event \(checkpoint.position) that the tables of \(definition.name) end with"
                    + " (was the database restored?); rebuild it")
        }
    }

    /// Runs `apply.sql`, and in the same round trip what follows it.
    private func applyRows(_ batch: Applied, then following: [PostgresStatement] = []) async throws {
        // A batch that is not large costs more to plan than to apply.
        guard let size = Self.order(of: batch.upto - batch.after) else {
            do {
                try await connection.script(definition.apply, deadline: .seconds(300))
            } catch {
                throw Self.failure(error, batch)
            }
            for result in try await connection.pipeline(following) { _ = try result.get() }
            return
        }
        let prepared = statements.map { PostgresStatement("\($0)\n-- up to \(size) positions") }
        for (index, result) in try await connection.pipeline(prepared + following, deadline: .seconds(300)).enumerated() {
            do {
                _ = try result.get()
            } catch {
                throw index < prepared.count ? Self.failure(error, batch) : error
            }
        }
    }

    private func bring(_ mirror: any ProjectionMirror, to batch: Applied) async throws {
        do {
            try await mirror.apply(after: batch.after, upto: batch.upto, connection: connection)
        } catch {
            // What the mirror does with its own store is never an event's fault, unless it says so.
            if let elsewhere = error as? MirrorElsewhere { throw BatchFailure.elsewhere(elsewhere.reason) }
            guard let error = error as? ProjectionError, error.code == .poison else { throw BatchFailure.outage(error) }
            throw Self.failure(error, batch)
        }
    }

    /// The order of magnitude of a batch whose plans are kept; nil for a large one, which is planned for itself.
    ///
    /// A plan is made for the number of events that the first batch has. One that was made for a few would join thousands in a
    /// loop, and so each order of magnitude has its own.
    static func order(of count: Int64) -> Int64? {
        [4, 16, 64, 256, 1_024, 4_096].first { count <= $0 }
    }

    private static func failure(_ error: any Error, _ batch: Applied) -> BatchFailure {
        if BatchFailure.isUnknown(error) {
            return .unknown(after: batch.after, upto: batch.upto, reason: BatchFailure.reason(error))
        }
        guard BatchFailure.isPoison(error) else { return .outage(error) }
        return .poison(after: batch.after, upto: batch.upto, reason: BatchFailure.reason(error))
    }

    /// Moves the checkpoint and commits.
    private static func moving(schema: String, to position: Int64) -> [PostgresStatement] {
        [
            PostgresStatement(
                """
                UPDATE projections.checkpoints SET
                    position = $2, hash = (SELECT e.hash FROM ledger.events AS e WHERE e.position = $2),
                    halted = false, halted_position = NULL, error = NULL, updated_at = now()
                WHERE schema_name = $1
                """, [.text(schema), .int8(position)]),
            PostgresStatement("COMMIT"),
        ]
    }

    /// Leaves out the next event and everything of the same organization or stream from then on.
    ///
    /// - Returns: False when the definition does not allow it, or the event has no organization: it has to halt.
    func park(position: Int64, reason: String) async throws -> Bool {
        guard definition.onPoison != .halt else { return false }
        return try await connection.inTransaction {
            let rows = try await connection.query(
                """
                INSERT INTO projections.parked (schema_name, position, type, stream_kind, stream_id, organization, error)
                SELECT $1, e.position, e.type, e.stream_kind, e.stream_id, e.organization, $3
                FROM ledger.events AS e, projections.checkpoints AS c
                WHERE e.position = $2 AND c.schema_name = $1 AND c.position = $2 - 1
                    AND ($4 OR e.organization IS NOT NULL)
                RETURNING position
                """,
                [
                    .text(schema), .int8(position), .text(String(reason.prefix(2000))),
                    .bool(definition.onPoison == .parkStream),
                ])
            return rows.count == 1
        }
    }
}
