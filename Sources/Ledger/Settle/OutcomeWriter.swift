public import Logging
public import Postgres

/// Makes outcomes durable, whatever happens: in the ledger, late after an abandonment, or in the spool.
public final class OutcomeWriter: Sendable {
    /// Where an outcome is now.
    public enum Settlement: Sendable, Hashable {
        /// In the ledger, at this position.
        case settled(position: Int64)
        /// In the ledger as `request.settled_late`, because the request had been abandoned.
        case settledLate(position: Int64)
        /// In the spool: durable, and appended when Postgres is back.
        case spooled
    }

    /// The ledger refuses an outcome for good: the request was never authorized, or was ended by another outcome.
    public struct Refused: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private let appender: Appender
    private let reader: LedgerReader
    private let spool: OutcomeSpool
    private let logger: Logger

    public init(appender: Appender, client: PostgresClient, spool: OutcomeSpool, logger: Logger) {
        self.appender = appender
        reader = LedgerReader(client)
        self.spool = spool
        self.logger = logger
    }

    /// Settles a request. `event` is an outcome of version 2 (expected version 1) or a single-event outcome (expected 0).
    /// - Throws: when neither ledger nor spool could take it, or the ledger refuses it for good.
    public func settle(_ event: NewEvent, deadline: Duration = .seconds(5)) async throws -> Settlement {
        do {
            return try await append(event, deadline: deadline)
        } catch let error as AppendError {
            logger.warning("an outcome goes to the spool", metadata: ["error": "\(error)"])
            try await spool.write(Command(event))
            return .spooled
        }
    }

    /// Appends everything that lies in the spool; call it before admission opens.
    /// - Returns: how many outcomes were taken from the spool.
    @discardableResult
    public func drain() async throws -> Int {
        var drained = 0
        while true {
            let records = try spool.records()
            guard !records.isEmpty else { return drained }
            for record in records {
                do {
                    _ = try await append(try record.event(), deadline: .seconds(10))
                } catch let refused as Refused {
                    // For good: trying again can't help, and the ones behind it must not wait.
                    logger.critical(
                        "a spooled outcome was refused", metadata: ["reason": "\(refused)", "stream": "\(record.stream)"])
                }
            }
            if spool.clear(ifCount: records.count) { drained += records.count }
        }
    }

    /// Drains whenever Postgres is back, until cancelled.
    public func run() async {
        while !Task.isCancelled {
            if spool.count > 0, appender.isAvailable {
                do {
                    let drained = try await drain()
                    logger.info("the spool was drained", metadata: ["outcomes": "\(drained)"])
                } catch {
                    logger.warning("the spool was not drained", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func append(_ event: NewEvent, deadline: Duration) async throws -> Settlement {
        switch try await appender.append(Command(event), deadline: deadline) {
        case .appended(_, let last), .already(_, let last):
            return .settled(position: last)
        case .versionConflict(let current) where current == 2 && event.expectedVersion == 1:
            return try await settleLate(event, deadline: deadline)
        case .versionConflict(let current):
            // Version 3 may be this very outcome, settled late by an earlier try whose answer was lost.
            if current == 3, event.expectedVersion == 1 { return try await settleLate(event, deadline: deadline) }
            throw Refused(
                description: "\(event.stream) is at version \(current), the outcome expects \(event.expectedVersion ?? 0)")
        case .idempotencyConflict:
            throw Refused(description: "\(event.stream) has another outcome of the same id")
        case .staleEpoch:
            throw Refused(description: "\(event.stream) was refused for its epoch, which an outcome has not")
        }
    }

    /// The request was abandoned in between: whoever won version 2 decided, and the true usage is posted once as version 3.
    private func settleLate(_ event: NewEvent, deadline: Duration) async throws -> Settlement {
        let recorded = try await reader.stream(event.stream, afterVersion: 1, limit: 1)
        guard let second = recorded.first, second.type == RequestAbandoned.type else {
            throw Refused(description: "\(event.stream) was ended by another outcome")
        }
        let late = try NewEvent(
            id: event.id, stream: event.stream, expectedVersion: 2, type: RequestSettledLate.type,
            schemaVersion: RequestSettledLate.schemaVersion, organization: event.organization, data: event.data,
            metadata: event.metadata, occurredAt: event.occurredAt, epoch: nil)
        switch try await appender.append(Command(late), deadline: deadline) {
        case .appended(_, let last), .already(_, let last):
            return .settledLate(position: last)
        case .idempotencyConflict, .versionConflict, .staleEpoch:
            throw Refused(description: "\(event.stream) was settled late by another outcome")
        }
    }
}
