import Logging
import Postgres

/// The server is not fit to hold a ledger.
public struct AppenderUnfit: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// The appender's loop: takes a batch, sends it until its outcome is known, answers its callers.
struct AppenderWriter {
    typealias Entry = AppenderQueue.Entry

    private let appender: Appender
    private var connection: (any AppendSession)?
    private var pause = Duration.milliseconds(20)
    /// Whether a server has been fit: from then on nothing about it ends the appender, because requests have yet to end.
    private var hasConnected = false
    /// Whether the server's last answer to a batch was that it takes none now: that it can be connected to then says nothing.
    private var isRefused = false
    /// The highest position this process has seen; what is above it may have been put there by a batch of unknown outcome.
    private var knownPosition: Int64 = 0

    init(_ appender: Appender) { self.appender = appender }

    /// - Returns: why it could not go on, or nil after the end that was asked for.
    mutating func run() async -> AppenderUnfit? {
        repeat {
            do {
                if try await connected() == nil {
                    guard appender.withQueue({ $0.phase == .open || !$0.queued.isEmpty }) else { break }
                    await backOff()
                    continue
                }
            } catch { return error }
            let batch = appender.withQueue { queue in
                let batch = queue.takeBatch(maximumEvents: appender.maximumEvents, maximumBytes: Command.maximumBytes)
                queue.sentMayBeCommitted = false
                return batch
            }
            if batch.isEmpty {
                await askWhetherBack()
            } else if let unfit = await deliver(batch) {
                return unfit
            }
        } while await appender.waitForWork()
        await connection?.close()
        return nil
    }

    /// Sends a batch until every command of it has its answer or has lost its caller.
    /// - Parameter wasSent: whether it was part of a batch whose outcome is not known.
    private mutating func deliver(_ batch: [Entry], wasSent: Bool = false) async -> AppenderUnfit? {
        var batch = batch
        var mayBeCommitted = wasSent
        let floor = knownPosition
        while true {
            let isWaitedFor = appender.withQueue { queue in
                queue.sentMayBeCommitted = mayBeCommitted
                return !queue.waiting(batch).isEmpty
            }
            guard isWaitedFor else { return nil }
            let connection: any AppendSession
            do {
                guard let open = try await connected() else {
                    await backOff()
                    continue
                }
                connection = open
            } catch { return error }
            batch = appender.withQueue { $0.send(batch) }
            if batch.isEmpty { return nil }
            let commands = batch.map(\.command)
            let problem: PostgresError
            do {
                guard let results = try await connection.append(commands) else {
                    return AppenderUnfit(description: "ledger.append answers in a way that this build does not understand")
                }
                answer(batch, mayBeCommitted ? settled(results, commands, floor: floor) : results)
                return nil
            } catch {
                problem = error
            }
            let failure = AppendFailure(problem)
            if failure != .unknown { appender.withQueue { $0.sentMayBeCommitted = mayBeCommitted } }
            appender.logger.warning("append failed", metadata: ["error": "\(problem)", "commands": "\(batch.count)"])
            switch failure {
            case .unknown:
                mayBeCommitted = true
                appender.withQueue { queue in
                    queue.statistics.resentBatches += 1
                    queue.lost(at: appender.surroundings.now())
                }
                await drop(connection)
            case .transient:
                let isAnswer = problem.code == .server
                appender.withQueue { queue in
                    let now = appender.surroundings.now()
                    if isAnswer { queue.refused(at: now, because: "\(problem)") } else { queue.lost(at: now) }
                }
                // What stands against it twice may be the session's own: a setting that it began with, or what it has prepared.
                if !connection.isOpen || (isAnswer && isRefused) { await drop(connection) }
                if isAnswer { isRefused = true }
                await backOff()
            case .poison(let sqlState):
                if batch.count == 1 {
                    reject(batch[0], sqlState: sqlState, mayBeCommitted: mayBeCommitted)
                    return nil
                }
                let middle = batch.count / 2
                if let unfit = await deliver(Array(batch[..<middle]), wasSent: mayBeCommitted) { return unfit }
                return await deliver(Array(batch[middle...]), wasSent: mayBeCommitted)
            }
        }
    }

    /// After an unknown outcome `already` is what the first sending looks like. It is reported as appended, because the caller
    /// did send it, unless the event was there before that, or is a second copy in the same batch.
    private func settled(_ results: [AppendResult], _ commands: [Command], floor: Int64) -> [AppendResult] {
        var seen = Set<EventID>()
        return zip(results, commands).map { result, command in
            guard case .already(let first, let last) = result, first > floor, seen.insert(command.events[0].id).inserted
            else { return result }
            return .appended(first: first, last: last)
        }
    }

    private mutating func answer(_ batch: [Entry], _ results: [AppendResult]) {
        pause = .milliseconds(20)
        isRefused = false
        var appended: Int64 = 0
        var events = 0
        var hasChanges = false
        for (entry, result) in zip(batch, results) {
            events += entry.command.events.count
            hasChanges = hasChanges || entry.command.events.contains { $0.stream.kind != .request }
            if case .appended = result { appended += Int64(entry.command.events.count) }
            if let position = result.position { knownPosition = max(knownPosition, position) }
        }
        let callers = appender.withQueue { queue in
            queue.took()
            queue.statistics.appendedEvents += appended
            queue.statistics.batches += 1
            queue.statistics.lastBatchSize = events
            return batch.map { queue.finish($0.id) }
        }
        // First, so that whoever has its answer finds the signal given.
        if appended > 0 { appender.signal?.signal(knownPosition, hasChanges: hasChanges) }
        for (caller, result) in zip(callers, results) { caller?.resume(returning: .success(result)) }
    }

    private func reject(_ entry: Entry, sqlState: String, mayBeCommitted: Bool) {
        let caller = appender.withQueue { queue in
            queue.statistics.rejectedCommands += 1
            return queue.finish(entry.id)
        }
        let error = AppendError(
            .rejected(sqlState: sqlState), outcomeUnknown: mayBeCommitted, "Postgres refused the command, SQLSTATE \(sqlState)")
        caller?.resume(returning: .failure(error))
    }

    /// An open connection to a server that is fit, or nil when there is none now.
    private mutating func connected() async throws(AppenderUnfit) -> (any AppendSession)? {
        if let connection, connection.isOpen { return connection }
        connection = nil
        do {
            connection = try await appender.server.connect()
        } catch let error as AppenderUnfit where !hasConnected {
            throw error
        } catch {
            appender.logger.warning("the appender has no connection", metadata: ["error": "\(error)"])
            let reason = (error as? AppenderUnfit)?.description
            appender.withQueue { $0.lost(at: appender.surroundings.now(), because: reason) }
            return nil
        }
        hasConnected = true
        if !isRefused { pause = .milliseconds(20) }
        appender.withQueue { queue in
            queue.statistics.connections += 1
            // Else the patience of those who wait would begin anew with every connection.
            if !isRefused { queue.found() }
        }
        return connection
    }

    private mutating func drop(_ connection: any AppendSession) async {
        self.connection = nil
        await connection.close()
    }

    /// Nobody's command may be waiting, because everyone is refused while Postgres is away: so the writer itself has to notice
    /// that it is back. What kept the last command out, a full disk for example, only the next one can tell.
    private mutating func askWhetherBack() async {
        guard let connection, appender.withQueue({ $0.unavailableSince != nil && $0.phase == .open }) else { return }
        await backOff()
        guard (try? await connection.ask()) != nil else { return await drop(connection) }
        appender.withQueue { $0.found() }
    }

    /// Waits a little longer each time, at most a second, with jitter so that the processes of a cluster spread.
    private mutating func backOff() async {
        await appender.surroundings.sleep(pause * appender.surroundings.pick(50...100) / 100)
        pause = min(pause * 2, .seconds(1))
    }
}
