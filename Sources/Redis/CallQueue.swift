import DequeModule
import NIOCore

/// The calls of one connection that have no answer yet, in the order in which they were made.
///
/// Replies have no names: the first belongs to the first call that was sent. So a call whose caller has gone keeps its
/// place until its reply comes. Does no I/O and reads no clock.
struct CallQueue<Caller> {
    /// A call that waits for a connection.
    struct Waiting {
        let arguments: [RedisArgument]
        let size: Int
        let deadline: NIODeadline
        let caller: Caller
    }

    private struct Sent {
        var caller: Caller?
        let size: Int
        let deadline: NIODeadline
    }

    enum Answer {
        case caller(Caller)
        /// The caller has been told already that its deadline had passed.
        case late
        /// Nobody has asked.
        case unsolicited
    }

    /// What a look at the clock found.
    struct Expiry {
        /// Callers whose calls were never sent.
        var waiting: [Caller] = []
        /// Callers whose calls were sent.
        var sent: [Caller] = []
        /// Whether a call is past its deadline and nothing was answered for the limit of silence.
        var isSilent = false
    }

    private let maximumCalls: Int
    private let maximumBytes: Int
    private let silenceLimit: TimeAmount

    private var waiting: Deque<Waiting> = []
    private var sent: Deque<Sent> = []
    private var bytes = 0
    /// How many of the last calls in `sent` have not been handed to the channel yet.
    private var unflushed = 0
    /// How many of `sent` have no caller any more.
    private var abandoned = 0
    /// When the last reply came, or when the first call was sent to which none has come.
    private var lastAnswer = NIODeadline.distantPast

    init(maximumCalls: Int, maximumBytes: Int, silenceLimit: TimeAmount) {
        self.maximumCalls = maximumCalls
        self.maximumBytes = maximumBytes
        self.silenceLimit = silenceLimit
    }

    /// Calls without an answer, those of callers that have gone included.
    var outstanding: Int { waiting.count + sent.count }
    var hasSent: Bool { !sent.isEmpty }

    /// Whether one more call of this size keeps within the limits.
    func hasRoom(forBytes size: Int) -> Bool {
        outstanding < maximumCalls && size <= maximumBytes - bytes
    }

    /// Puts a call off until there is a connection.
    mutating func wait(_ call: Waiting) {
        waiting.append(call)
        bytes += call.size
    }

    /// Takes the next call that waits for a connection.
    mutating func nextWaiting() -> Waiting? {
        guard let call = waiting.popFirst() else { return nil }
        bytes -= call.size
        return call
    }

    /// Notes a call that was written.
    mutating func send(_ caller: Caller, size: Int, deadline: NIODeadline, now: NIODeadline) {
        if sent.isEmpty { lastAnswer = now }
        sent.append(Sent(caller: caller, size: size, deadline: deadline))
        bytes += size
        unflushed += 1
    }

    /// Notes that everything written so far was handed to the channel.
    mutating func flush() { unflushed = 0 }

    /// Matches one reply to its call.
    mutating func answer(now: NIODeadline) -> Answer {
        // A reply can't belong to a call that Redis has not been sent.
        guard sent.count > unflushed, let call = sent.popFirst() else { return .unsolicited }
        bytes -= call.size
        lastAnswer = now
        guard let caller = call.caller else {
            abandoned -= 1
            return .late
        }
        return .caller(caller)
    }

    /// Takes out the callers whose deadlines have passed.
    mutating func expire(now: NIODeadline) -> Expiry {
        var expiry = Expiry()
        for index in sent.indices where sent[index].deadline <= now {
            guard let caller = sent[index].caller else { continue }
            expiry.sent.append(caller)
            sent[index].caller = nil
            abandoned += 1
        }
        expiry.waiting = removeWaiting { $0.deadline <= now }
        expiry.isSilent = abandoned > 0 && now - lastAnswer >= silenceLimit
        return expiry
    }

    /// Takes out the callers that wait for a connection and would still wait at a time.
    mutating func removeWaiting(dueBefore time: NIODeadline) -> [Caller] {
        removeWaiting { $0.deadline < time }
    }

    /// Takes out everyone who waits for a connection.
    mutating func removeAllWaiting() -> [Caller] {
        removeWaiting { _ in true }
    }

    /// Empties the part that was written, because the connection is gone.
    ///
    /// - Returns: the callers whose calls may have reached Redis, and those whose calls can't have.
    mutating func lose() -> (maybeDone: [Caller], notDone: [Caller]) {
        let handedOver = sent.count - unflushed
        let maybeDone = sent.prefix(handedOver).compactMap(\.caller)
        let notDone = sent.dropFirst(handedOver).compactMap(\.caller)
        for call in sent { bytes -= call.size }
        sent.removeAll()
        unflushed = 0
        abandoned = 0
        return (maybeDone, notDone)
    }

    /// When ``expire(now:)`` has something to find next, if no other call is added and no reply comes.
    var nextExpiry: NIODeadline? {
        var next: NIODeadline?
        func consider(_ time: NIODeadline) { next = min(next ?? time, time) }
        for call in sent where call.caller != nil { consider(call.deadline) }
        for call in waiting { consider(call.deadline) }
        if abandoned > 0 { consider(lastAnswer + silenceLimit) }
        return next
    }

    private mutating func removeWaiting(where isRemoved: (Waiting) -> Bool) -> [Caller] {
        var callers: [Caller] = []
        waiting.removeAll { call in
            guard isRemoved(call) else { return false }
            callers.append(call.caller)
            bytes -= call.size
            return true
        }
        return callers
    }
}
