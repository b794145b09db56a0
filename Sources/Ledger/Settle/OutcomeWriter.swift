public import Logging
import Money
public import Postgres
import Synchronization

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder

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

    /// The ledger refuses an outcome for good. It lies in the spool's file `refused`, unless its request was never authorized
    /// and cost nothing.
    public struct Refused: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private static let concurrency = 64
    /// How long a disk may take to say whether it has room: whoever asks keeps others from being admitted.
    private static let trial: Duration = .seconds(2)
    /// More than requests that can be in flight while neither ledger nor disk takes anything.
    private static let keptInMemory = 100_000

    private let appender: Appender
    /// The type of the event that a stream has at a version.
    private let typeOfEvent: @Sendable (StreamName, Int64) async throws -> String?
    private let spool: OutcomeSpool
    private let surroundings: Surroundings
    private let logger: Logger
    /// Outcomes that neither the ledger nor the spool took, tried again until the process ends.
    private let unplaced = Mutex<[Command]>([])

    public convenience init(appender: Appender, client: PostgresClient, spool: OutcomeSpool, logger: Logger) {
        let reader = LedgerReader(client)
        self.init(appender: appender, spool: spool, surroundings: .machine, logger: logger) { stream, version in
            try await reader.stream(stream, afterVersion: version - 1, limit: 1).first?.type
        }
    }

    package init(
        appender: Appender, spool: OutcomeSpool, surroundings: Surroundings, logger: Logger,
        typeOfEvent: @escaping @Sendable (StreamName, Int64) async throws -> String?
    ) {
        self.appender = appender
        self.typeOfEvent = typeOfEvent
        self.spool = spool
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Whether the spool could take an outcome when it was last written to; false is not ready.
    public var isSpoolWritable: Bool { spool.isWritable }

    /// Whether an outcome that comes next has a place: the ledger takes it, or else the spool, whose disk is asked only then,
    /// and has no room where it does not say so in time.
    public func hasRoom() async -> Bool {
        if appender.isAvailable && appender.isReady { return true }
        return await spool.hasRoom(within: Self.trial, of: surroundings)
    }

    /// Settles a request. `event` is an outcome of version 2 (expected version 1) or a single-event outcome (expected 0).
    ///
    /// The task's cancellation does not end it.
    /// - Parameter deadline: how long the ledger is waited for before the spool takes it.
    /// - Throws: `OutcomeSpool.Unwritable` when neither ledger nor spool could take it: nothing may be finished on the strength of
    ///   it, but it is tried again, so that the hold does not stand for as long as this process lives. `Refused`.
    public func settle(_ event: NewEvent, deadline: Duration = .seconds(5)) async throws -> Settlement {
        let command = Command(event)
        do {
            return try await append(command, deadline: deadline)
        } catch let refused as Refused {
            throw refused
        } catch {
            do { try await spool.write(command) } catch {
                unplaced.withLock { if $0.count < Self.keptInMemory { $0.append(command) } }
                throw error
            }
            logger.notice("an outcome went to the spool", metadata: ["reason": "\(error)"])
            return .spooled
        }
    }

    /// Appends everything that lies in the spool; call it before admission opens.
    /// - Returns: how many commands were taken from the spool.
    /// - Throws: `AppendError` or `PostgresError` while Postgres takes nothing; what was not appended stays in the spool.
    @discardableResult
    public func drain() async throws -> Int {
        var count = 0
        for segment in try await spool.close() {
            // The start and `run` may be at it both: the slower finds a file gone when all of it is in the ledger.
            guard let contents = try await spool.read(segment) else { continue }
            if contents.damaged > 0 {
                logger.critical(
                    "a spool file is damaged", metadata: ["file": "\(segment.path)", "records": "\(contents.damaged)"])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, command) in contents.commands.enumerated() {
                    if index >= Self.concurrency { try await group.next() }
                    group.addTask {
                        do { _ = try await self.append(command, deadline: .seconds(10)) } catch is Refused {}
                    }
                }
                try await group.waitForAll()
            }
            try await spool.remove(segment, contents)
            count += contents.commands.count
        }
        if count > 0 { logger.notice("the spool was drained", metadata: ["commands": "\(count)"]) }
        return count
    }

    /// Drains whenever Postgres is back, until cancelled.
    public func run() async {
        while !Task.isCancelled {
            await surroundings.sleep(.seconds(1))
            // First what needs no disk: one that hangs lets nobody go on.
            if appender.isAvailable { await place() }
            if !spool.isWritable { await spool.hasRoom() }
            guard spool.count > 0, appender.isAvailable else { continue }
            do { try await drain() } catch {
                logger.warning("the spool was not drained", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Appends what nothing took when it came.
    private func place() async {
        let commands = unplaced.withLock { commands in
            defer { commands = [] }
            return commands
        }
        for (index, command) in commands.enumerated() {
            do { _ = try await append(command, deadline: .seconds(5)) } catch is Refused {} catch {
                unplaced.withLock { $0 += commands[index...] }
                return
            }
        }
        if !commands.isEmpty { logger.notice("late outcomes were appended", metadata: ["commands": "\(commands.count)"]) }
    }

    /// - Throws: `Refused`, after the command is kept; anything else means that Postgres takes nothing now.
    private func append(_ command: Command, deadline: Duration) async throws -> Settlement {
        do {
            switch try await appender.append(command, deadline: deadline) {
            case .appended(_, let last), .already(_, let last): return .settled(position: last)
            case .versionConflict(let current): return try await settleLate(command, current: current, deadline: deadline)
            case .idempotencyConflict: throw try await refused(command, "its id is there with other content")
            case .staleEpoch(let current): throw try await refused(command, "epoch \(current) has begun")
            }
        } catch let error as AppendError {
            if case .rejected(let sqlState) = error.code { throw try await refused(command, "SQLSTATE \(sqlState)") }
            throw error
        }
    }

    /// Somebody else won version 2: after an abandonment the truth is recorded as version 3.
    private func settleLate(_ command: Command, current: Int64, deadline: Duration) async throws -> Settlement {
        let event = command.events[0]
        if current == 0 && Self.isWorthNothing(command) {
            // Nobody knew whether its authorization had come: it had not, so there is nothing to close, and nothing is lost.
            throw Refused(description: "\(event.stream) was never authorized, and cost nothing")
        }
        guard command.events.count == 1, event.stream.kind == .request, event.expectedVersion == 1, current >= 2,
            try await typeOfEvent(event.stream, 2) == RequestAbandoned.type,
            let late = try? event.settledLate()
        else { throw try await refused(command, "the stream is at version \(current)") }
        switch try await appender.append(Command(late), deadline: deadline) {
        case .appended(_, let last), .already(_, let last):
            logger.notice("settled late", metadata: ["stream": "\(event.stream)"])
            return .settledLate(position: last)
        case let other: throw try await refused(command, "the late settlement was answered with \(other)")
        }
    }

    private static func isWorthNothing(_ command: Command) -> Bool {
        command.events.allSatisfy { event in
            guard let outcome = try? JSONDecoder().decode(Outcome.self, from: Data(event.data)) else { return false }
            return outcome.charged == .zero && outcome.cost.total == .zero && outcome.overrun == .zero
        }
    }

    /// Keeps the command on the disk before anyone hears that it was refused.
    private func refused(_ command: Command, _ reason: String) async throws -> Refused {
        let description = "the ledger refuses an outcome of \(command.events[0].stream): \(reason)"
        logger.critical("\(description)")
        try await spool.park(command, reason: reason)
        return Refused(description: description)
    }
}
