import DequeModule

/// What waits and what is sent: the appender's state, without I/O and without a clock.
///
/// A command is *queued* until a batch takes it, then *sent* until its answer is there. Either way its caller may give up at
/// the deadline; only a sent one leaves the outcome unknown.
struct AppenderQueue {
    typealias Instant = ContinuousClock.Instant
    typealias Answer = Result<AppendResult, AppendError>
    typealias Caller = CheckedContinuation<Answer, Never>

    struct Entry {
        let id: UInt64
        let command: Command
        let deadline: Instant
        let caller: Caller
    }

    enum Phase { case open, draining, stopped }

    /// So long a refusal tells of what comes next. Only another command can find that it is over, and whoever sends none to a
    /// process that is not ready would never find it.
    private static let refusalStands = Duration.seconds(30)

    private(set) var phase = Phase.open
    private(set) var queued = Deque<Entry>()
    private(set) var sent: [UInt64: Entry] = [:]
    /// Whether the sent batch may have been committed.
    var sentMayBeCommitted = false
    /// Since when Postgres has not answered.
    private(set) var unavailableSince: Instant?
    /// When Postgres first and last answered a batch by taking none of it, since it took one.
    private var refusal: (first: Instant, last: Instant)?
    /// What callers hear of it.
    private var trouble = ""
    var statistics = AppenderStatistics()
    private var nextID: UInt64 = 0
    private let limit: Int
    private let patience: Duration

    init(limit: Int, patience: Duration) {
        self.limit = limit
        self.patience = patience
    }

    var isEmpty: Bool { queued.isEmpty && sent.isEmpty }

    /// Takes a command in, or says why not.
    mutating func enqueue(_ command: Command, deadline: Instant, now: Instant, caller: Caller) -> AppendError? {
        if phase != .open { return AppendError(.shutDown, outcomeUnknown: false, "the appender has stopped") }
        if isAway(at: now) { return away }
        if queued.count >= limit {
            statistics.overloadedCommands += 1
            return AppendError(.overloaded, outcomeUnknown: false, "\(limit) commands wait to be appended")
        }
        queued.append(Entry(id: nextID, command: command, deadline: deadline, caller: caller))
        nextID += 1
        return nil
    }

    /// Moves what fits into one batch from queued to sent, oldest first.
    mutating func takeBatch(maximumEvents: Int, maximumBytes: Int) -> [Entry] {
        var events = 0
        var bytes = 0
        var batch: [Entry] = []
        while let entry = queued.first {
            events += entry.command.events.count
            bytes += entry.command.byteCount
            if !batch.isEmpty && (events > maximumEvents || bytes > maximumBytes) { break }
            queued.removeFirst()
            sent[entry.id] = entry
            batch.append(entry)
        }
        return batch
    }

    /// The part of a batch whose callers still wait.
    func waiting(_ batch: [Entry]) -> [Entry] { batch.filter { sent[$0.id] != nil } }

    /// The part of a batch that goes out now. In one step: whoever has given up before is not sent, or it would be committed
    /// although its caller was told that it is not; whoever gives up from here on hears that it may have been.
    mutating func send(_ batch: [Entry]) -> [Entry] {
        let waiting = waiting(batch)
        if !waiting.isEmpty { sentMayBeCommitted = true }
        return waiting
    }

    /// The caller of a sent command, if it still waits; it must be answered.
    mutating func finish(_ id: UInt64) -> Caller? { sent.removeValue(forKey: id)?.caller }

    /// Everyone who must give up now, with the answer for each.
    mutating func expire(at now: Instant) -> [(Caller, AppendError)] {
        var expired: [(Caller, AppendError)] = []
        let gone = isAway(at: now)
        if gone || queued.contains(where: { $0.deadline <= now }) {
            var kept = Deque<Entry>()
            for entry in queued {
                if !gone && entry.deadline > now {
                    kept.append(entry)
                } else {
                    expired.append((entry.caller, unavailableSince == nil ? late(outcomeUnknown: false) : away))
                }
            }
            queued = kept
        }
        // Also one that was sent, where the server said that it took nothing.
        for entry in sent.values.sorted(by: { $0.id < $1.id }) where entry.deadline <= now || (gone && !sentMayBeCommitted) {
            sent[entry.id] = nil
            let error =
                unavailableSince == nil
                ? late(outcomeUnknown: sentMayBeCommitted)
                : AppendError(.unavailable, outcomeUnknown: sentMayBeCommitted, away.message)
            expired.append((entry.caller, error))
        }
        statistics.expiredCommands += Int64(expired.count)
        return expired
    }

    /// Postgres did not answer, or takes nothing for this reason.
    mutating func lost(at now: Instant, because reason: String? = nil) {
        statistics.isAvailable = false
        trouble = reason.map { "Postgres takes no events now: \($0)" } ?? "Postgres does not answer"
        if unavailableSince == nil { unavailableSince = now }
    }

    /// Postgres answered a batch by taking none of it now, for this reason.
    mutating func refused(at now: Instant, because reason: String) {
        refusal = (refusal?.first ?? now, now)
        lost(at: now, because: reason)
    }

    /// Postgres answered.
    mutating func found() {
        statistics.isAvailable = true
        unavailableSince = nil
    }

    /// Postgres took a batch.
    mutating func took() {
        refusal = nil
        found()
    }

    /// Whether the next command can be expected to be appended.
    func isReady(at now: Instant) -> Bool {
        guard !isAway(at: now) else { return false }
        guard let refusal else { return true }
        // One that is over before callers are sent away is none.
        return now - refusal.first < patience || now - refusal.last >= Self.refusalStands
    }

    /// Whether there is something to do for the writer: to send, to find a lost server again, or to end.
    var wantsWriter: Bool { !queued.isEmpty || phase != .open || unavailableSince != nil }

    /// Accepts no more.
    mutating func drain() { if phase == .open { phase = .draining } }

    /// Ends everything: the answer for everyone who still waits.
    mutating func stop() -> [(Caller, AppendError)] {
        phase = .stopped
        let message = "the appender has stopped"
        let answers =
            queued.map { ($0.caller, AppendError(.shutDown, outcomeUnknown: false, message)) }
            + sent.values.sorted(by: { $0.id < $1.id }).map {
                ($0.caller, AppendError(.shutDown, outcomeUnknown: sentMayBeCommitted, message))
            }
        queued.removeAll()
        sent.removeAll()
        return answers
    }

    /// Whether Postgres has been away for longer than callers are asked to hope.
    private func isAway(at now: Instant) -> Bool {
        guard let unavailableSince else { return false }
        return now - unavailableSince >= patience || phase != .open
    }

    private var away: AppendError { AppendError(.unavailable, outcomeUnknown: false, trouble) }

    private func late(outcomeUnknown: Bool) -> AppendError {
        AppendError(.deadlineExceeded, outcomeUnknown: outcomeUnknown, "the append was not done before its deadline")
    }
}
