import Foundation
import Postgres

@testable import Admission
@testable import Projections

/// A projector that a test moves by hand, batch by batch, and that can crash where a real one can.
struct FoldingProjector: Sendable {
    /// Where a batch ends too early.
    enum Crash: Sendable {
        /// Redis is written, the checkpoint is not.
        case beforeCommit
        /// The checkpoint moves although Redis was not written: what a mirror must never let happen unnoticed.
        case withoutMirror
    }

    private let session: ProjectionSession
    private let schema: ProjectionSchema

    /// Makes the projection's schema as the projector does.
    init(url: String) async throws {
        schema = ProjectionSchema(try ProjectionDefinition.load(folder: admissionFolderPath))
        session = try await ProjectionSession.open(try PostgresConfiguration(url: url), logger: quiet)
        try await session.connection.script(schema.install(withIndexes: true))
    }

    func close() async { await session.connection.close() }

    var position: Int64 {
        get async throws { try await Checkpoint.read("admission", on: session.connection)?.position ?? 0 }
    }

    /// Applies at most `limit` positions; false when there was nothing.
    @discardableResult
    func step(limit: Int64 = 1000, mirror: (any ProjectionMirror)?, crash: Crash? = nil) async throws -> Bool {
        let after = try await position
        let upto = min(try await session.head(), after + limit)
        guard upto > after else { return false }
        do {
            try await session.connection.script(schema.apply(after: after, upto: upto))
            if crash != .withoutMirror { try await mirror?.apply(after: after, upto: upto, connection: session.connection) }
            try await session.connection.script(crash == .beforeCommit ? "ROLLBACK" : schema.finish(upto: upto))
            return true
        } catch {
            try? await session.connection.script("ROLLBACK")
            throw error
        }
    }

    /// Applies everything.
    func catchUp(mirror: (any ProjectionMirror)?) async throws {
        while try await step(mirror: mirror) {}
    }

    /// What `verify.sql` finds wrong, over the whole history.
    func problems() async throws -> [String] {
        let upto = try await position
        try await session.connection.script(
            """
            BEGIN;
            SET LOCAL projection.after = '0';
            SET LOCAL projection.upto = '\(upto)';
            SET LOCAL search_path = admission;
            """)
        let sql = schema.definition.verify.trimmingCharacters(in: .init(charactersIn: "; \n"))
        let rows = try await session.connection.query(sql)
        try await session.connection.script("COMMIT")
        return try rows.map { try $0.decode(0, as: String.self) }
    }
}
