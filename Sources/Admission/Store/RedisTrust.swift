package import Ledger
package import Logging
import Redis
import Synchronization

import struct FoundationEssentials.UUID

/// Compares a Redis with the record in the ledger, and begins an epoch for all organizations when it is not the same.
package struct RedisTrust: Sendable {
    let reads: any AdmissionReads
    let epochs: EpochStarter
    let surroundings: Surroundings
    let logger: Logger
    private let standing = Standing()

    package init(reads: any AdmissionReads, epochs: EpochStarter, surroundings: Surroundings, logger: Logger) {
        self.reads = reads
        self.epochs = epochs
        self.surroundings = surroundings
        self.logger = logger
    }

    /// The figures of INFO that matter here.
    struct Server: Sendable, Hashable {
        let runID: String
        let evictionPolicy: String
        let version: String

        init(info text: String) throws(AdmissionError) {
            var fields: [Substring: Substring] = [:]
            for line in text.split(whereSeparator: \.isNewline) {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[line[..<colon]] = line[line.index(after: colon)...]
            }
            guard let runID = fields["run_id"], let policy = fields["maxmemory_policy"], let version = fields["redis_version"]
            else { throw AdmissionError(.misconfigured, "INFO does not tell run_id, maxmemory_policy and redis_version") }
            self.runID = String(runID)
            self.evictionPolicy = String(policy)
            self.version = String(version)
        }
    }

    /// What was found when last looked, for all copies of this value.
    private final class Standing: Sendable {
        let refusal = Mutex<AdmissionError?>(nil)
    }

    /// Whether the ledger trusted another Redis when last looked.
    var isRefused: Bool { standing.refusal.withLock { $0 != nil } }

    /// Costs nothing: what needs no authorization is stopped by nothing else.
    /// - Throws: ``AdmissionError`` with `unavailable` where the ledger trusted another Redis when last looked.
    func check() throws(AdmissionError) {
        if let refusal = standing.refusal.withLock({ $0 }) { throw refusal }
    }

    /// Returns when this Redis may be used: it is the one on record, or has become it by a new epoch.
    /// - Throws: ``AdmissionError``; then it may not. Where another took its place, it may not until a person says so.
    package func establish(on connection: any AdmissionConnection) async throws(AdmissionError) {
        let keys = ServerKeys(ledger: try await epochs.ledgerID())
        let token = RequestID.mint().uuid.lowercase
        for attempt in 0..<Self.attempts {
            let seen = try await look(keys, on: connection)
            switch seen.verdict {
            case .trusted:
                standing.refusal.withLock { $0 = nil }
                return
            case .superseded(let other): throw refuse(seen.server, keys, other)
            case .behind, .lost, .ahead: break
            }
            let claim = try await connection.command(
                ["SET", .string(keys.marking), .string(token), "NX", "PX", .integer(Self.markingMilliseconds)])
            if claim.isNull {
                // Somebody else is at it; a token that nobody ends runs out.
                await surroundings.sleep(.milliseconds(min(100, 10 * (attempt + 1))))
                continue
            }
            // What was read before the claim may be settled by now.
            try await settle(try await look(keys, on: connection), keys, token, on: connection)
        }
        throw AdmissionError(.unavailable, "Redis could not be brought in line with the ledger's epoch")
    }

    func marker(
        _ keys: ServerKeys, deadline: Duration = .seconds(1), on connection: any AdmissionConnection
    ) async throws(AdmissionError) -> RedisMarker {
        let reply = try await connection.command(
            ["HMGET", .string(keys.server), "run_id", "epoch", "complete", "applied"], deadline: deadline)
        guard let fields = reply.array, fields.count == 4 else {
            throw AdmissionError(.protocolViolation, "HMGET answered no four fields")
        }
        return RedisMarker(
            runID: fields[0].string, epoch: fields[1].int64, isComplete: fields[2].string == "1", applied: fields[3].int64)
    }

    /// Which Redis the ledger trusts.
    enum Recorded: Sendable {
        case this(runID: String)
        case another
        /// This one was flushed, and nobody has noticed yet.
        case unknown
    }

    /// - Parameter deadline: Of each of two questions.
    func recorded(
        _ keys: ServerKeys, deadline: Duration, on connection: any AdmissionConnection
    ) async throws(AdmissionError) -> Recorded {
        guard let runID = try await marker(keys, deadline: deadline, on: connection).runID else { return .unknown }
        return try await epochs.record(deadline: deadline).runID == runID ? .this(runID: runID) : .another
    }

    private func refuse(_ server: Server, _ keys: ServerKeys, _ other: String) -> AdmissionError {
        let refusal = AdmissionError(
            .unavailable,
            "the ledger trusts another Redis (run_id \(other)) since this one (run_id \(server.runID)) was replaced: set "
                + "REDIS_URL to that one, or remove the key \(keys.server) from this one if all gateways are to use it")
        standing.refusal.withLock { $0 = refusal }
        return refusal
    }

    private static let attempts = 60
    private static let markingMilliseconds: Int64 = 5000

    private func server(on connection: any AdmissionConnection) async throws(AdmissionError) -> Server {
        var text = ""
        for section: RedisArgument in ["server", "memory"] {
            text += try await connection.command(["INFO", section]).string ?? ""
        }
        return try Server(info: text)
    }

    private struct Look {
        let server: Server
        let verdict: TrustVerdict
        /// The record before any of that was read: an epoch that begins after it was begun by whoever knows more.
        let before: EpochRecord
    }

    /// - Throws: ``AdmissionError`` with `misconfigured` where Redis may lose what it holds.
    private func look(_ keys: ServerKeys, on connection: any AdmissionConnection) async throws(AdmissionError) -> Look {
        let before = try await epochs.record()
        let marker = try await marker(keys, on: connection)
        // Each time anew, and last: between two calls another server may have come to the same address.
        let server = try await server(on: connection)
        guard server.evictionPolicy == "noeviction" else {
            throw AdmissionError(
                .misconfigured,
                "Redis has maxmemory-policy \(server.evictionPolicy) and would lose what it evicts: set noeviction")
        }
        // Redis first: a record that is read later can't be older than what Redis was told from it.
        let record = try await epochs.record()
        return Look(
            server: server, verdict: TrustVerdict(runID: server.runID, marker: marker, record: record), before: before)
    }

    private func settle(
        _ look: Look, _ keys: ServerKeys, _ token: String, on connection: any AdmissionConnection
    ) async throws(AdmissionError) {
        let begun: Int64?
        switch look.verdict {
        case .trusted, .superseded: begun = nil
        case .behind: begun = try await epochs.record().epoch
        case .lost(let reason):
            begun = try await epochs.startForAll(reason: reason, runID: look.server.runID, after: look.before)
            logger.warning(
                "Redis is not the one on record: a new epoch begins",
                metadata: ["reason": "\(reason)", "epoch": "\(begun.map(String.init) ?? "others were faster")"])
        case .ahead:
            try await forgetStates(on: connection)
            begun = try await epochs.startForAll(reason: "ledger_restored", runID: look.server.runID, after: look.before)
            logger.warning(
                "Redis was ahead of the ledger: a new epoch begins",
                metadata: ["epoch": "\(begun.map(String.init) ?? "others were faster")"])
        }
        guard let epoch = begun else {
            // Others were faster; the next look tells which of them.
            _ = try await connection.command(["DEL", .string(keys.marking)])
            return
        }
        _ = try await connection.call(
            .mark, keys: [keys.server, keys.marking], [.string(token), .string(look.server.runID), .integer(epoch)])
    }

    /// Removes all states: their epochs may be above any that this ledger will give for a while, so none would replace them.
    private func forgetStates(on connection: any AdmissionConnection) async throws(AdmissionError) {
        var last: OrganizationID?
        while true {
            let page = try await organizations(after: last)
            guard let end = page.last else { return }
            for organization in page {
                let keys = OrganizationKeys(organization)
                _ = try await connection.command(["UNLINK"] + keys.all.map(RedisArgument.string))
            }
            last = end
        }
    }

    private func organizations(after last: OrganizationID?) async throws(AdmissionError) -> [OrganizationID] {
        do { return try await reads.organizations(after: last, limit: 500) } catch { throw AdmissionError(postgres: error) }
    }
}
