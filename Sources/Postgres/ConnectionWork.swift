/// What a statement came to.
enum Answer: Sendable {
    /// The last result of a query or a script.
    case rows(PostgresRows)
    /// One result a statement of a pipeline.
    case list([Result<PostgresRows, PostgresError>])
    /// The server waits for the data of COPY … FROM STDIN, or is about to send those of COPY … TO STDOUT.
    case copyStarted
    /// There is room to send more of a COPY.
    case writable
    /// Whole messages of a COPY … TO STDOUT.
    case chunk([UInt8])
}

typealias Reply = Result<Answer, PostgresError>
typealias Waiter = CheckedContinuation<Reply, Never>

/// What a connection is asked to do.
enum Work: Sendable {
    case query(PostgresStatement)
    case script(String)
    case pipeline([PostgresStatement])
    case copyIn(String)
    case copyOut(String)
}

/// A statement that waits for its turn on a connection.
struct Entry: Sendable {
    let id: UInt64
    let work: Work
    /// In nanoseconds of the monotonic clock.
    let deadline: UInt64
    /// What a lost answer means: true when the statement may have taken effect. Nil lets the connection decide: false inside
    /// a transaction whose COMMIT it has not sent.
    let unknownWhenLost: Bool?
    /// Whether cancelling the task cancels the statement; a COMMIT is waited for.
    let isCancellable: Bool
    /// Nobody waits for the outcome.
    let isInternal: Bool
}

/// The statement that a connection is running.
struct Active {
    enum Phase {
        /// Its results are awaited.
        case results
        /// The server takes the data of a COPY … FROM STDIN.
        case copyIn
        /// The server sends the data of a COPY … TO STDOUT.
        case copyOut
    }

    /// What the results of pipeline mode belong to, in the order in which they come.
    enum Step {
        case prepare(StatementCache.Prepared)
        case execute(Int, StatementCache.Prepared)
        case sync
    }

    let entry: Entry
    var waiter: Waiter?
    var phase = Phase.results
    /// Empty outside pipeline mode.
    var steps: [Step] = []
    var step = 0
    /// Whether the results of a failed commit have ended; then only the Sync's may come.
    var endsAtSync = false
    var list: [Result<PostgresRows, PostgresError>?] = []
    var rows: PostgresRows?
    var error: PostgresError?
    /// The cached statement of a query, which may turn out to be stale.
    var prepared: StatementCache.Prepared?
    /// Whether a stale statement may be prepared again and repeated: only outside a transaction, and once.
    var mayRepeat = true
    /// Why nobody wants the outcome any more: the deadline, or the task's cancellation.
    var abandoned: PostgresError.Code?
    let unknownWhenLost: Bool
    /// Whether a COPY … FROM STDIN was ended with success; before that the server can't have committed it.
    var copyEnded = false

    init(entry: Entry, waiter: Waiter?, unknownWhenLost: Bool) {
        self.entry = entry
        self.waiter = waiter
        self.unknownWhenLost = unknownWhenLost
    }

    /// The step that the next result belongs to.
    var currentStep: Step? { step < steps.count ? steps[step] : nil }

    /// Whether losing the connection now leaves it open what the statement did.
    var isUnknownNow: Bool {
        if case .copyIn = entry.work, !copyEnded { return false }
        return unknownWhenLost
    }
}

/// What is to be done once the connection's lock is released.
enum Effect: Sendable {
    case resume(Waiter, Reply)
    case notify(AsyncStream<String>.Continuation, String)
    case finish(AsyncStream<String>.Continuation)
    case cancel(CancelRequest)
    case closed
}
