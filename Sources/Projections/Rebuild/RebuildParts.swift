import Postgres
import Synchronization

/// The first and by far the longest part of a rebuild, by two connections at the same time: each applies the streams, or
/// the organizations, of one half, up to the same position.
///
/// A half is a schema with nothing in it but its own view `batch`, in front of the new tables on the search path, and with a
/// checkpoint of its own: so each goes on where it ended. When both have come to the end they are joined, and from there on the
/// rebuild is as any other.
struct RebuildParts {
    let definition: ProjectionDefinition
    let schemas: [String]
    private let rebuild: String
    private let work: PostgresConnection
    private let open: @Sendable () async throws -> PostgresConnection

    /// - Parameters:
    ///   - work: Makes and joins the parts.
    ///   - open: Opens a connection for one of them.
    init(
        definition: ProjectionDefinition, work: PostgresConnection,
        open: @escaping @Sendable () async throws -> PostgresConnection
    ) {
        self.definition = definition
        self.work = work
        self.open = open
        rebuild = ProjectionSchema.rebuild(definition.name)
        schemas = ProjectionSchema.parts(definition.name)
    }

    /// The parts' checkpoints; none when the rebuild is not in parts.
    func checkpoints() async throws -> [Checkpoint] {
        var found: [Checkpoint] = []
        for schema in schemas {
            if let checkpoint = try await Checkpoint.read(schema: schema, work) { found.append(checkpoint) }
        }
        return found
    }

    /// Makes the parts, at the position of the new tables.
    func install() async throws {
        try await work.inTransaction {
            for (index, schema) in schemas.enumerated() {
                try await work.script("CREATE SCHEMA \(ProjectionSchema.quoted(schema))")
                try await work.useSchema(schema)
                try await work.script(
                    definition.batchView(
                        where: definition.order.partition.map { "\($0) % \(schemas.count) = \(index)" }
                    ).script)
                try await Swap.copyCheckpoint(from: rebuild, to: schema, work)
            }
        }
        try await work.useSchema(rebuild)
    }

    /// Applies both up to `target` and joins them.
    ///
    /// - Parameter progress: Gets the mean of their positions after every batch.
    func apply(upto target: Int64, progress: @escaping @Sendable (Int64) -> Void) async throws {
        let positions = Mutex(try await checkpoints().reduce(into: [:]) { $0[$1.schema] = $1.position })
        let reached: @Sendable (String, Int64) -> Void = { schema, position in
            progress(
                positions.withLock { positions in
                    positions[schema] = position
                    return positions.values.reduce(0, +) / Int64(max(1, positions.count))
                })
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for schema in schemas { group.addTask { try await apply(schema, upto: target, reached) } }
            try await group.waitForAll()
        }
        try await join(at: target)
    }

    private func apply(
        _ schema: String, upto target: Int64, _ reached: @Sendable (String, Int64) -> Void
    ) async throws {
        try await open().use { connection in
            try await connection.useSchemas([schema, rebuild])
            var replay = Replay(BatchRunner(definition: definition, schema: schema, connection: connection))
            var position: Int64 = 0
            while position < target {
                position = try await replay.next(ceiling: target).upto
                reached(schema, position)
            }
        }
    }

    private func join(at target: Int64) async throws {
        try await work.inTransaction {
            try await Swap.copyCheckpoint(from: schemas[0], to: rebuild, work)
            let unequal = try await checkpoints().filter { $0.position != target }
            guard unequal.isEmpty else {
                throw ProjectionError(.busy, "the parts of the new tables of \(definition.name) were moved by somebody else")
            }
            for schema in schemas {
                try await work.query(
                    "UPDATE projections.parked SET schema_name = $2 WHERE schema_name = $1", [.text(schema), .text(rebuild)])
                try await drop(schema)
            }
        }
    }

    /// Drops what there is of the parts.
    func drop() async throws {
        try await work.inTransaction {
            for schema in schemas {
                try await work.query("DELETE FROM projections.parked WHERE schema_name = $1", [.text(schema)])
                try await drop(schema)
            }
        }
    }

    private func drop(_ schema: String) async throws {
        try await work.script("DROP SCHEMA IF EXISTS \(ProjectionSchema.quoted(schema)) CASCADE")
        try await work.query("DELETE FROM projections.checkpoints WHERE schema_name = $1", [.text(schema)])
    }
}
