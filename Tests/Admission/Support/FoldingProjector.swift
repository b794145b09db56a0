import Foundation
import Postgres
import Projections

@testable import Admission

/// A projector that a test moves by hand, batch by batch, and that can crash where a real one can.
struct FoldingProjector: Sendable {
    /// Where a batch ends too early.
    enum Crash: Sendable {
        /// Redis is written, the checkpoint is not.
        case beforeCommit
        /// The checkpoint moves although Redis was not written: what a mirror must never let happen unnoticed.
        case withoutMirror
    }

    let connection: PostgresConnection
    private let apply: String

    /// Makes the projection's schema as the projector does.
    init(url: String) async throws {
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(admissionFolderPath)/\(name)", encoding: .utf8)
        }
        apply = try text("apply.sql")
        connection = try await PostgresConnection.connect(PostgresConfiguration(url: url), logger: quiet)
        let types = AdmissionEvent.types.map { "'\($0)'" }.joined(separator: ", ")
        try await connection.script(
            """
            CREATE TABLE IF NOT EXISTS projections.checkpoints (
                schema_name text PRIMARY KEY, name text NOT NULL, version integer NOT NULL, position bigint NOT NULL);
            INSERT INTO projections.checkpoints (schema_name, name, version, position) VALUES ('admission', 'admission', 1, 0);
            CREATE SCHEMA admission;
            SET search_path = admission;
            \(try text("tables.sql"))
            \(try text("indexes.sql"))
            CREATE VIEW batch AS SELECT * FROM ledger.events
                WHERE position > current_setting('projection.after')::bigint
                    AND position <= current_setting('projection.upto')::bigint AND type IN (\(types));
            """)
    }

    func close() async { await connection.close() }

    var position: Int64 {
        get async throws {
            try await connection.query("SELECT position FROM projections.checkpoints WHERE schema_name = 'admission'")[0]
                .decode(0)
        }
    }

    /// Applies at most `limit` positions; false when there was nothing.
    @discardableResult
    func step(limit: Int64 = 1000, mirror: (any ProjectionMirror)?, crash: Crash? = nil) async throws -> Bool {
        let after = try await position
        let head: Int64 = try await connection.query("SELECT coalesce(max(position), 0) FROM ledger.events")[0].decode(0)
        let upto = min(head, after + limit)
        guard upto > after else { return false }
        try await connection.script("BEGIN")
        do {
            try await connection.script(
                """
                SELECT set_config('projection.after', '\(after)', true), set_config('projection.upto', '\(upto)', true);
                \(apply)
                """)
            if crash != .withoutMirror { try await mirror?.apply(after: after, upto: upto, connection: connection) }
            if crash == .beforeCommit {
                try await connection.script("ROLLBACK")
                return true
            }
            try await connection.script("UPDATE projections.checkpoints SET position = \(upto); COMMIT")
            return true
        } catch {
            try? await connection.script("ROLLBACK")
            throw error
        }
    }

    /// Applies everything.
    func catchUp(mirror: (any ProjectionMirror)?) async throws {
        while try await step(mirror: mirror) {}
    }

    /// What `verify.sql` finds wrong, over the whole history.
    func problems() async throws -> [String] {
        let sql = try String(contentsOfFile: "\(admissionFolderPath)/verify.sql", encoding: .utf8)
        try await connection.script(
            """
            SELECT set_config('projection.after', '0', false), set_config('projection.upto', '\(try await position)', false)
            """)
        return try await connection.query(sql.trimmingCharacters(in: .init(charactersIn: ";\n")))
            .map { try $0.decode(0, as: String.self) }
    }
}
