public import Logging
public import Postgres

import struct FoundationEssentials.UUID

/// An answer that was given before.
public struct CachedAnswer: Sendable {
    /// The provider that gave it, and its own name of the model.
    public let provider: String
    public let model: String
    /// The organization's own account there; nil for the house's.
    public let providerKey: ProviderKeyID?
    /// What came from it.
    public let body: [UInt8]

    public init(provider: String, model: String, providerKey: ProviderKeyID? = nil, body: [UInt8]) {
        self.provider = provider
        self.providerKey = providerKey
        self.model = model
        self.body = body
    }
}

/// Answers that are given again to equal requests of the same project, beside the ledger and shared by all gateways.
///
/// It may forget at any time, and then the provider is asked again: nothing here is waited for or tried twice.
public final class AnswerCache: Sendable {
    private struct Entry {
        let project: UUID
        let request: [UInt8]
        let organization: UUID
        let answer: CachedAnswer
        let seconds: Int64
    }

    /// The longest answer that is kept, in bytes.
    public static let maximumBytes = 1 << 20
    private static let lookupDeadline: Duration = .milliseconds(250)

    private let client: PostgresClient
    private let queue: WriteBehind<Entry>
    private let recent = RecentAnswers()
    private let logger: Logger

    /// - Parameter waitingLimit: the bytes that may wait in memory while Postgres is slow or away.
    public init(client: PostgresClient, waitingLimit: Int = 32 << 20, logger: Logger) {
        self.client = client
        self.logger = logger
        queue = WriteBehind(
            "answers", limits: .init(waiting: waitingLimit, batch: 4 << 20, gathering: .milliseconds(5)), logger: logger,
            cost: { $0.answer.body.count + 256 }, mayRepeat: { _ in false }
        ) { batch in
            // One statement can't change a row twice: of equal requests that were answered at once, the last answer stays.
            var newest: [[UInt8]: Entry] = [:]
            for entry in batch { newest[entry.request] = entry }
            let entries = Array(newest.values)
            _ = try await client.query(
                """
                INSERT INTO ledger.answers AS t (
                    project, request, organization, provider, provider_key, model, body, expires_at)
                SELECT a.project, a.request, a.organization, a.provider, nullif(a.provider_key, '')::uuid, a.model, a.body,
                    clock_timestamp() + make_interval(secs => a.seconds)
                FROM unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::bigint[],
                    $8::text[]) AS a (project, request, organization, provider, model, body, seconds, provider_key)
                ORDER BY a.project, a.request
                ON CONFLICT ON CONSTRAINT answers_pkey DO UPDATE SET
                    provider = excluded.provider, provider_key = excluded.provider_key, model = excluded.model,
                    body = excluded.body,
                    created_at = clock_timestamp(), expires_at = excluded.expires_at
                """,
                [
                    .uuidArray(entries.map(\.project)), .byteaArray(entries.map(\.request)),
                    .uuidArray(entries.map(\.organization)), .textArray(entries.map(\.answer.provider)),
                    .textArray(entries.map(\.answer.model)), .byteaArray(entries.map(\.answer.body)),
                    .int8Array(entries.map(\.seconds)),
                    .textArray(entries.map { $0.answer.providerKey?.uuid.uuidString ?? "" }),
                ], deadline: .seconds(10))
        }
    }

    /// The answer to the request of this digest, if it is not older than `seconds`; nil when the database does not say in time.
    ///
    /// - Parameter request: SHA-256 of everything in the request that the answer depends on, its project included.
    public func answer(of request: [UInt8], project: ProjectID, within seconds: Int64) async -> CachedAnswer? {
        if let answer = recent.answer(of: request, within: seconds) { return answer }
        do {
            let rows = try await client.query(
                """
                SELECT provider, model, body, provider_key FROM ledger.answers
                WHERE project = $1 AND request = $2 AND expires_at > clock_timestamp()
                    AND created_at > clock_timestamp() - $3::bigint * interval '1 second'
                """, [.uuid(project.uuid), .bytea(request), .int8(Int64(seconds))], deadline: Self.lookupDeadline)
            guard let row = rows.first else { return nil }
            let account: UUID? = try row.decode(3)
            let answer = CachedAnswer(
                provider: try row.decode(0), model: try row.decode(1), providerKey: account.map(ProviderKeyID.init(uuid:)),
                body: try row.decode(2))
            recent.note(answer, of: request, within: seconds)
            return answer
        } catch {
            logger.debug("an answer could not be looked up", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Keeps an answer for `seconds`; one that is too long, or comes when too much waits, is not kept.
    public func keep(
        _ answer: CachedAnswer, of request: [UInt8], project: ProjectID, organization: OrganizationID, for seconds: Int64
    ) {
        guard answer.body.count <= Self.maximumBytes else { return }
        recent.forget(request)
        _ = queue.put(
            Entry(
                project: project.uuid, request: request, organization: organization.uuid, answer: answer, seconds: seconds))
    }

    /// Writes what is kept and forgets what is past its time, until cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [queue] in await queue.run() }
            group.addTask { await self.sweep() }
        }
    }

    private func sweep() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(30))
            do {
                try await client.query(
                    """
                    DELETE FROM ledger.answers WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM ledger.answers WHERE expires_at < clock_timestamp() LIMIT 5000
                        FOR UPDATE SKIP LOCKED))
                    """, deadline: .seconds(30))
            } catch {
                if !Task.isCancelled { logger.warning("answers were not swept", metadata: ["error": "\(error)"]) }
            }
        }
    }
}
