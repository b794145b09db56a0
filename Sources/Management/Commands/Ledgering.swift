internal import Ledger
internal import Logging
internal import Postgres
internal import Projections
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONEncoder

/// How commands of people write to the ledger.
///
/// A command decides from the read models, and is right nevertheless: it first waits until they have everything of the
/// stream that it is about to write, then expects just that version of the stream. Whoever comes in between makes the
/// expectation fail, and the command looks again.
extension Management {
    /// The end of a stream.
    struct Standing: Sendable {
        /// 0 for a stream that is not there.
        let version: Int64
        let position: Int64
    }

    /// An event that is to be appended, with the texts that lie beside it.
    struct Draft: Sendable {
        let event: NewEvent
        let texts: [String: String]?
    }

    func draft(
        _ data: some EventData, _ stream: StreamName, version: Int64?, organization: OrganizationID?, by caller: Caller,
        texts: [String: String]? = nil
    ) throws(WebError) -> Draft {
        do {
            let event = try NewEvent(
                data, stream: stream, expectedVersion: version, organization: organization, metadata: caller.metadata,
                occurredAt: .now)
            return Draft(event: event, texts: texts)
        } catch {
            throw WebError.invalid(nil, "The change can't be recorded: \(error)")
        }
    }

    /// Where a stream stands, after the read model has everything up to there.
    func standing(of stream: StreamName, in projection: String) async throws(WebError) -> Standing {
        let rows = try await read(
            """
            SELECT stream_version, position FROM ledger.events
            WHERE stream_kind = $1 AND stream_id = $2 ORDER BY stream_version DESC LIMIT 1
            """, [.text(stream.kind.rawValue), .uuid(stream.id)])
        guard let row = rows.first else { return Standing(version: 0, position: 0) }
        let standing: Standing
        do {
            standing = Standing(version: try row.decode(0), position: try row.decode(1))
        } catch { throw Self.away }
        guard await has(projection, standing.position) else {
            throw WebError.unavailable("The read model \(projection) is behind; try again shortly.")
        }
        return standing
    }

    /// Appends the drafts as one command.
    ///
    /// - Returns: nil when a stream was not at the expected version: look again.
    /// - Throws: 202 when it is recorded and not yet obeyed within the patience, 401 when the caller's session has ended.
    func commit(_ drafts: [Draft], by caller: Caller) async throws(WebError) -> Change? {
        try await annotate(drafts, by: caller)
        // Last: whoever ended the session ends next what it has changed so far, and nothing may follow.
        try await caller.confirm()
        let result: AppendResult
        do {
            result = try await appender.append(try Command(drafts.map(\.event)))
        } catch {
            throw WebError.unavailable("The ledger could not be reached.")
        }
        switch result {
        case .appended(_, let last), .already(_, let last):
            // The next request of the gateway and the next answer of this API must both show it.
            guard await isObeyed(last) else {
                // It is in the ledger and will be obeyed; whoever asked should look again rather than ask again.
                throw WebError(202, "The change is recorded at position \(last) and will be obeyed shortly.", code: "accepted")
            }
            return Change(position: last, isApplied: true)
        case .versionConflict, .staleEpoch: return nil
        case .idempotencyConflict: throw WebError(409, "The same event id was used for something else.")
        }
    }

    /// Runs an attempt until its expectations hold.
    ///
    /// - Parameter attempt: nil when somebody else was faster.
    @discardableResult
    func retrying<R: Sendable>(_ attempt: () async throws(WebError) -> R?) async throws(WebError) -> R {
        for round in 0..<40 {
            if let result = try await attempt() { return result }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 0...min(5 + 3 * round, 50))))
        }
        throw WebError(409, "It is being changed by others at the same moment; try again.", retryAfter: 1)
    }

    func read(_ sql: String, _ values: [PostgresValue]) async throws(WebError) -> PostgresRows {
        do {
            return try await postgres.query(sql, values)
        } catch let error as PostgresError {
            // A projection that has never run has no tables yet.
            logger.warning("a read model could not be read", metadata: ["error": "\(error)"])
            throw Self.away
        } catch {
            throw Self.away
        }
    }

    /// Decodes rows; one that can't be read is this server's fault, not the client's.
    func rows<R: Sendable>(
        _ sql: String, _ values: [PostgresValue], _ decode: (PostgresRow) throws -> R
    ) async throws(WebError) -> [R] {
        let found = try await read(sql, values)
        do {
            return try found.map(decode)
        } catch {
            logger.error("a row could not be decoded", metadata: ["error": "\(error)"])
            throw WebError(500, "What is stored could not be read.")
        }
    }

    static let away = WebError.unavailable("The database could not be reached.")

    /// Waits until everything that the ledger has by now is in what commands decide from.
    func catchUp() async throws(WebError) {
        let head = try await rows("SELECT coalesce(max(position), 0) FROM ledger.events", []) { row in
            try row.decode(0, as: Int64.self)
        }.first
        guard let head, await isObeyed(head) else {
            throw WebError.unavailable("The read models are behind; try again shortly.")
        }
    }

    private func isObeyed(_ position: Int64) async -> Bool {
        async let admission = has("admission", position)
        async let organizations = has("organizations", position)
        async let keys = has("keys", position)
        async let providerKeys = has("provider_keys", position)
        return await (admission, organizations, keys, providerKeys) == (true, true, true, true)
    }

    private func has(_ projection: String, _ position: Int64) async -> Bool {
        do {
            return try await waitUntil(projection: projection, position: position, deadline: patience, client: postgres)
        } catch {
            logger.debug("a checkpoint could not be read", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Written before the events: texts without their event are never shown, an event without its texts would stay nameless.
    private func annotate(_ drafts: [Draft], by caller: Caller) async throws(WebError) {
        do {
            for draft in drafts {
                guard let texts = draft.texts else { continue }
                try await put(Array(try JSONEncoder().encode(texts)), under: draft.event.id, of: draft.event.organization)
            }
            try await caller.origin.keep(under: drafts.map(\.event.id), client: postgres)
        } catch {
            logger.warning("texts could not be written", metadata: ["error": "\(error)"])
            throw Self.away
        }
    }

    func put(_ body: [UInt8], under event: EventID, of organization: OrganizationID?) async throws {
        _ = try await postgres.query(
            "INSERT INTO management.texts (event, organization, body) VALUES ($1, $2, $3) ON CONFLICT (event) DO NOTHING",
            [.uuid(event.uuid), organization.map { .uuid($0.uuid) } ?? .null, .jsonb(body)])
    }
}
