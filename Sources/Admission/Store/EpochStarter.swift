public import Ledger
public import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Begins epochs: from the event on, append refuses authorizations of older ones, and the states in Redis are built anew from the
/// admission tables.
public struct EpochStarter: Sendable {
    let appender: Appender
    let reads: any AdmissionReads
    private let ledger = SharedLedgerID()

    /// - Parameter appender: must be running.
    public init(appender: Appender, postgres: PostgresClient) {
        self.init(appender: appender, reads: PostgresAdmissionReads(postgres: postgres))
    }

    package init(appender: Appender, reads: any AdmissionReads) {
        self.appender = appender
        self.reads = reads
    }

    /// Begins an epoch for all organizations. The Redis that is trusted stays so; what it holds does not.
    ///
    /// - Parameter reason: goes into the event, for example `tables_rebuilt`.
    /// - Returns: the epoch: the position of its event.
    public func startForAll(reason: String) async throws(AdmissionError) -> Int64 {
        for _ in 0..<Self.attempts {
            let record = try await record()
            if let epoch = try await startForAll(reason: reason, runID: record.runID, after: record) { return epoch }
        }
        throw AdmissionError(.unavailable, "an epoch could not begin: others were faster again and again")
    }

    private static let attempts = 60

    /// Begins an epoch for all organizations, which trusts the Redis `runID`.
    ///
    /// One that arrives late must not bring back the Redis of a record that is over: the one that has taken its place would be
    /// refused.
    /// - Parameter record: what was known when `runID` was chosen.
    /// - Returns: the epoch: the position of its event; nil where the record is over.
    func startForAll(
        reason: String, runID: String?, after record: EpochRecord, deadline: Duration = .seconds(3)
    ) async throws(AdmissionError) -> Int64? {
        let started = AdmissionEpochStarted(reason: reason, runID: runID)
        let result = try await append(started, of: nil, expectedVersion: record.version, deadline: deadline)
        if case .versionConflict = result { return nil }
        return try Self.position(result)
    }

    /// Begins an epoch of one organization.
    ///
    /// - Returns: the epoch: the position of its event.
    func start(
        organization: OrganizationID, reason: String, deadline: Duration = .seconds(3)
    ) async throws(AdmissionError) -> Int64 {
        let started = AdmissionEpochStarted(reason: reason, runID: nil)
        return try Self.position(try await append(started, of: organization, expectedVersion: nil, deadline: deadline))
    }

    private func append(
        _ started: AdmissionEpochStarted, of organization: OrganizationID?, expectedVersion: Int64?, deadline: Duration
    ) async throws(AdmissionError) -> AppendResult {
        let ledger = try await ledgerID()
        do {
            let event = try NewEvent(
                started, stream: StreamName(kind: .ledger, id: ledger), expectedVersion: expectedVersion,
                organization: organization)
            return try await appender.append(Command(event), deadline: deadline)
        } catch {
            throw AdmissionError(.unavailable, "an epoch could not begin: \(error)")
        }
    }

    private static func position(_ result: AppendResult) throws(AdmissionError) -> Int64 {
        guard let position = result.position else {
            throw AdmissionError(.protocolViolation, "an epoch could not begin: \(result)")
        }
        return position
    }

    func record(deadline: Duration = .seconds(2)) async throws(AdmissionError) -> EpochRecord {
        do {
            guard let record = try await reads.record(deadline: deadline) else {
                throw AdmissionError(.unavailable, "the ledger has no epoch")
            }
            return record
        } catch {
            throw AdmissionError(postgres: error)
        }
    }

    func ledgerID() async throws(AdmissionError) -> UUID {
        if let known = ledger.value.withLock({ $0 }) { return known }
        do {
            guard let id = try await reads.ledgerID() else {
                throw AdmissionError(.unavailable, "the ledger is not created yet")
            }
            ledger.value.withLock { $0 = id }
            return id
        } catch {
            throw AdmissionError(postgres: error)
        }
    }

    private final class SharedLedgerID: Sendable {
        let value = Mutex<UUID?>(nil)
    }
}

extension AdmissionError {
    init(postgres error: any Error) {
        self = error as? AdmissionError ?? AdmissionError(.unavailable, "\(error)")
    }
}
