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

    /// Writes Redis, then dies before the batch commits.
    private struct DyingMirror: ProjectionMirror {
        struct Died: Error {}
        let mirror: (any ProjectionMirror)?

        func apply(after: Int64, upto: Int64, connection: PostgresConnection) async throws {
            try await mirror?.apply(after: after, upto: upto, connection: connection)
            throw Died()
        }
    }

    private let definition: ProjectionDefinition
    private let connection: PostgresConnection

    /// Makes the projection's schema as the projector does.
    init(url: String) async throws {
        definition = try ProjectionDefinition.load(folder: admissionFolderPath)
        connection = try await Session.open(try PostgresConfiguration(url: url), purpose: "test", logger: quiet)
        try await Installer(definition: definition, connection: connection).install(schema: definition.name, indexed: true)
        try await connection.useSchema(definition.name)
    }

    func close() async { await connection.close() }

    var position: Int64 {
        get async throws { try await Checkpoint.read(schema: definition.name, connection)?.position ?? 0 }
    }

    /// Applies at most `limit` positions; false when there was nothing.
    @discardableResult
    func step(limit: Int64 = 1000, mirror: (any ProjectionMirror)?, crash: Crash? = nil) async throws -> Bool {
        let used: (any ProjectionMirror)? =
            switch crash {
            case .beforeCommit: DyingMirror(mirror: mirror)
            case .withoutMirror: nil
            case nil: mirror
            }
        let runner = BatchRunner(definition: definition, schema: definition.name, connection: connection, mirror: used)
        do {
            return try await runner.apply(limit: limit).moved
        } catch .outage(let error) where error is DyingMirror.Died {
            return true
        } catch .outage(let error) {
            throw error
        } catch .elsewhere(let reason) {
            throw MirrorElsewhere(reason: reason)
        }
    }

    /// Applies everything.
    func catchUp(mirror: (any ProjectionMirror)?) async throws {
        while try await step(mirror: mirror) {}
    }

    /// What `verify.sql` finds wrong, over the whole history.
    func problems() async throws -> [String] {
        try await Verification(definition: definition, connection: connection).problems(schema: definition.name)
    }
}
