import CPostgres
import DequeModule
import Glibc

extension ConnectionState {
    /// Queues a statement; `startNext` sends it.
    mutating func enqueue(_ entry: Entry, _ waiter: Waiter?) {
        if let lost { return answer(entry, waiter, .failure(lost)) }
        guard queue.count < Self.queueLimit else {
            return answer(entry, waiter, .failure(PostgresError(.poolExhausted, "too many statements wait for one connection")))
        }
        queue.append((entry, waiter))
        wake(at: entry.deadline)
    }

    /// Starts what is next in the queue, unless something runs.
    mutating func startNext() {
        while active == nil, !cancelPending, let pg, !queue.isEmpty {
            giveUpAt = .max
            if PQtransactionStatus(pg) == PQTRANS_IDLE, let sql = cache.takeDeallocation() {
                begin(
                    Entry(
                        id: 0, work: .script(sql), deadline: MonotonicClock.after(.seconds(10)), unknownWhenLost: false,
                        isCancellable: false, isInternal: true), nil)
            } else if let (entry, waiter) = queue.popFirst() {
                begin(entry, waiter)
            }
        }
    }

    private mutating func begin(_ entry: Entry, _ waiter: Waiter?) {
        active = Active(
            entry: entry, waiter: waiter, unknownWhenLost: entry.unknownWhenLost ?? !isInManagedTransaction)
        if entry.isInternal { wake(at: entry.deadline) }
        send()
    }

    /// Sends the active statement: for the first time, or again after its plan turned out to be stale.
    mutating func send() {
        guard let work = active?.entry.work else { return }
        do {
            switch work {
            case .query(let statement): try send(statement)
            case .pipeline(let statements): try send(pipeline: statements)
            case .script(let sql):
                try Self.check(sql)
                try check(PQsendQuery(pg, sql))
            case .copyIn(let sql), .copyOut(let sql):
                try Self.check(sql)
                try check(PQsendQueryParams(pg, sql, 0, nil, nil, nil, nil, 1))
            }
            flush()
        } catch {
            guard let failed = active else { return }
            active = nil
            var error = error
            // What libpq took of a pipeline may already have been sent and run, even without its Sync.
            if !failed.steps.isEmpty { error.outcomeUnknown = failed.isUnknownNow }
            answer(failed.entry, failed.waiter, .failure(error))
            if error.code == .connectionLost { lose(error) }
        }
    }

    private mutating func send(_ statement: PostgresStatement) throws(PostgresError) {
        try parameters.encode(statement.values)
        let status = PQtransactionStatus(pg)
        if status != PQTRANS_IDLE { active?.mayRepeat = false }
        // A transaction that has failed takes nothing but its end, and so nothing is prepared in it.
        if status == PQTRANS_INERROR {
            try Self.check(statement.sql)
            let pg = pg
            let sent = parameters.withParameters { count, types, values, lengths, formats in
                PQsendQueryParams(pg, statement.sql, count, types, values, lengths, formats, 1)
            }
            return try check(sent)
        }
        if let prepared = cache.find(statement.sql, types: parameters.types) {
            active?.prepared = prepared
            return try execute(prepared)
        }
        // Prepared and executed with one write: the pair is answered in one round trip.
        try Self.check(statement.sql)
        try check(PQenterPipelineMode(pg))
        active?.list = [nil]
        try prepareAndExecute(statement, index: 0)
        try check(PQpipelineSync(pg))
        active?.steps.append(.sync)
    }

    private mutating func send(pipeline statements: [PostgresStatement]) throws(PostgresError) {
        for statement in statements { try Self.check(statement.sql) }
        for (index, statement) in statements.enumerated() {
            do {
                try parameters.encode(statement.values)
            } catch {
                throw PostgresError(error.code, "statement \(index + 1) of the pipeline: \(error.message)")
            }
        }
        try check(PQenterPipelineMode(pg))
        active?.list = Array(repeating: nil, count: statements.count)
        for (index, statement) in statements.enumerated() {
            try parameters.encode(statement.values)
            if let prepared = cache.find(statement.sql, types: parameters.types) {
                try execute(prepared)
                active?.steps.append(.execute(index, prepared))
            } else {
                try prepareAndExecute(statement, index: index)
            }
        }
        try check(PQpipelineSync(pg))
        active?.steps.append(.sync)
    }

    private mutating func prepareAndExecute(_ statement: PostgresStatement, index: Int) throws(PostgresError) {
        let types = parameters.types
        let prepared = cache.insert(statement.sql, types: types)
        active?.steps.append(.prepare(prepared))
        try check(PQsendPrepare(pg, prepared.name, statement.sql, Int32(types.count), types))
        active?.steps.append(.execute(index, prepared))
        try execute(prepared)
    }

    private func execute(_ prepared: StatementCache.Prepared) throws(PostgresError) {
        let pg = pg
        let sent = parameters.withParameters { count, _, values, lengths, formats in
            PQsendQueryPrepared(pg, prepared.name, count, values, lengths, formats, 1)
        }
        try check(sent)
    }

    /// libpq refuses to send on a connection that is broken; without a Sync the server then can't have committed anything.
    private func check(_ result: Int32) throws(PostgresError) {
        if result != 1 { throw lossError() }
    }

    private static func check(_ sql: String) throws(PostgresError) {
        if sql.utf8.contains(0) { throw PostgresError(.invalidParameter, "the SQL text holds a NUL character") }
    }
}
