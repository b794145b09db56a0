public import Ledger
public import Postgres
import Synchronization

import struct FoundationEssentials.UUID

/// Begins epochs: from the event on, append refuses authorizations of older ones, and the states in Redis are built anew from the
/// admission tables.
public struct EpochStarter: Sendable {
    let appender: Appender
    let postgres: PostgresClient
    private let ledger = SharedLedgerID()

    /// - Parameter appender: must be running.
    public init(appender: Appender, postgres: PostgresClient) {
        self.appender = appender
        self.postgres = postgres
    }

    /// The newest epoch that holds for all organizations, and the Redis that it trusts.
    struct Record: Sendable, Hashable {
        var epoch: Int64
        /// nil before any Redis was seen.
        var runID: String?
        /// The ledger's last position when this was read.
        var head: Int64
    }

    /// Begins an epoch for all organizations. The Redis that is trusted stays so; what it holds does not.
    ///
    /// - Parameter reason: goes into the event, for example `tables_rebuilt`.
    /// - Returns: the epoch: the position of its event.
    public func startForAll(reason: String) async throws(AdmissionError) -> Int64 {
        try await start(organization: nil, reason: reason, runID: try await record().runID)
    }

    /// - Returns: the epoch: the position of its event.
    func start(
        organization: OrganizationID?, reason: String, runID: String? = nil, deadline: Duration = .seconds(3)
    ) async throws(AdmissionError) -> Int64 {
        let ledger = try await ledgerID()
        let result: AppendResult
        do {
            let event = try NewEvent(
                AdmissionEpochStarted(reason: reason, runID: runID), stream: StreamName(kind: .ledger, id: ledger),
                expectedVersion: nil, organization: organization)
            result = try await appender.append(Command(event), deadline: deadline)
        } catch {
            throw AdmissionError(.unavailable, "an epoch could not begin: \(error)")
        }
        guard let position = result.position else {
            throw AdmissionError(.protocolViolation, "an epoch could not begin: \(result)")
        }
        return position
    }

    func record(deadline: Duration = .seconds(2)) async throws(AdmissionError) -> Record {
        do {
            let rows = try await postgres.query(
                """
                SELECT s.epoch, e.data ->> 'run_id' AS run_id,
                    (SELECT h.position FROM ledger.events AS h ORDER BY h.position DESC LIMIT 1) AS head
                FROM ledger.epochs AS s JOIN ledger.events AS e ON e.position = s.epoch
                WHERE s.organization = '00000000-0000-0000-0000-000000000000'
                """, deadline: deadline)
            guard let row = rows.first else { throw AdmissionError(.unavailable, "the ledger has no epoch") }
            return Record(epoch: try row.decode(0), runID: try row.decode(1), head: try row.decode(2))
        } catch {
            throw AdmissionError(postgres: error)
        }
    }

    func ledgerID() async throws(AdmissionError) -> UUID {
        if let known = ledger.value.withLock({ $0 }) { return known }
        do {
            guard let id = try await LedgerReader(postgres).ledgerID() else {
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
