import CPostgres
import DequeModule

extension ConnectionState {
    /// Takes every result that has arrived for the active statement.
    mutating func drain() {
        while let pg, let active {
            switch active.phase {
            case .copyIn: return
            case .copyOut: if !takeCopyData() { return }
            case .results:
                if PQisBusy(pg) != 0 { return }
                if let result = PQgetResult(pg) {
                    absorb(ServerResult(result))
                } else if active.steps.isEmpty {
                    complete()
                } else {
                    // In pipeline mode nil only ends the results of one step.
                    if PQstatus(pg) == CONNECTION_BAD { return }
                    if active.step + 1 < active.steps.count {
                        self.active?.step += 1
                    } else if active.endsAtSync {
                        return lose(Self.confusion())
                    } else {
                        // An error at the commit comes between the last statement and the Sync, and is ended by nil, too.
                        self.active?.endsAtSync = true
                    }
                }
            }
        }
    }

    private static func confusion() -> PostgresError {
        PostgresError(.protocolViolation, "an answer came that no statement asked for")
    }

    private mutating func absorb(_ result: ServerResult) {
        switch PQresultStatus(result.pointer) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            switch active?.currentStep {
            case .execute(let index, _): active?.list[index] = .success(PostgresRows(result))
            case .prepare: break
            default: active?.rows = PostgresRows(result)
            }
        case PGRES_COPY_IN: beginCopy(.copyIn)
        case PGRES_COPY_OUT: beginCopy(.copyOut)
        case PGRES_PIPELINE_ABORTED:
            fail(PostgresError(.server, "an earlier statement of the pipeline failed", sqlState: "25P02"), isPlan: false)
        case PGRES_PIPELINE_SYNC: complete()
        default:
            fail(
                PostgresError(result: result.pointer, outcomeUnknownWhenLost: active?.isUnknownNow ?? true),
                isPlan: Self.isStalePlan(result))
        }
    }

    private mutating func beginCopy(_ phase: Active.Phase) {
        switch (active?.entry.work, phase) {
        case (.copyIn, .copyIn), (.copyOut, .copyOut):
            active?.phase = phase
            copied = []
            copyIsOver = false
            if active?.abandoned == nil {
                resumeWaiter(.success(.copyStarted))
            } else if phase == .copyIn {
                endCopyIn(failure: "abandoned")
            }
        default:
            // There is no way to leave a COPY of a pipeline, and a script should not start one.
            lose(PostgresError(.protocolViolation, "COPY works through copyIn and copyOut only, each in its own direction"))
        }
    }

    /// Notes the failure of the current step.
    private mutating func fail(_ error: PostgresError, isPlan: Bool) {
        switch active?.currentStep {
        case .prepare(let prepared):
            cache.remove(prepared, isOnServer: false)
            // The statement that was to be executed stands in the next step.
            if case .execute(let index, _)? = active?.steps[(active?.step ?? 0) + 1], active?.list[index] == nil {
                active?.list[index] = .failure(error)
            }
        case .execute(let index, let prepared):
            if active?.list[index] == nil || error.sqlState != "25P02" { active?.list[index] = .failure(error) }
            if isPlan { cache.remove(prepared, isOnServer: error.sqlState == "0A000") }
        default:
            if active?.error == nil { active?.error = error }
            if isPlan, let prepared = active?.prepared { cache.remove(prepared, isOnServer: error.sqlState == "0A000") }
            if !isPlan { active?.mayRepeat = false }
        }
    }

    /// The server can't use a prepared statement any more: a table it reads has changed, or DISCARD ALL dropped it.
    private static func isStalePlan(_ result: ServerResult) -> Bool {
        guard let function = postgres_error_function(result.pointer).map({ String(cString: $0) }) else { return false }
        return function == "RevalidateCachedQuery" || function == "FetchPreparedStatement"
    }

    /// The active statement has all its results.
    private mutating func complete() {
        guard let pg, var done = active else { return }
        if done.error == nil, done.rows == nil, done.list.isEmpty, PQstatus(pg) == CONNECTION_BAD { return lose(lossError()) }
        if !done.steps.isEmpty, PQexitPipelineMode(pg) == 0 { return lose(Self.confusion()) }
        if let error = done.error, error.code == .server, done.prepared != nil, done.mayRepeat, done.abandoned == nil {
            done.mayRepeat = false
            done.error = nil
            done.rows = nil
            done.prepared = nil
            active = done
            return send()
        }
        active = nil
        cancelAgainAt = .max
        if !cancelPending { giveUpAt = .max }
        answer(done.entry, done.waiter, Self.outcome(of: done))
    }

    private static func outcome(of done: Active) -> Reply {
        if let error = done.error { return .failure(translate(error, done)) }
        switch done.entry.work {
        case .pipeline:
            var list: [Result<PostgresRows, PostgresError>] = []
            for result in done.list {
                guard let result else { return .failure(confusion()) }
                if case .failure(let error) = result, done.abandoned != nil, error.sqlState == "57014" {
                    return .failure(translate(error, done))
                }
                list.append(result)
            }
            return .success(.list(list))
        default:
            if let first = done.list.first {
                switch first {
                case .success(let rows): return .success(.rows(rows))
                case .failure(let error): return .failure(translate(error, done))
                case nil: return .failure(confusion())
                }
            }
            guard let rows = done.rows else { return .failure(confusion()) }
            return .success(.rows(rows))
        }
    }

    /// The server calls it a cancelled query; the caller wants to know who cancelled it.
    private static func translate(_ error: PostgresError, _ done: Active) -> PostgresError {
        guard let code = done.abandoned else { return error }
        if error.sqlState == "57014" { return abandonment(code, isSent: true) }
        if case .copyIn = done.entry.work, !done.copyEnded { return abandonment(code, isSent: true) }
        return error
    }

    // MARK: Abandoning

    /// Nobody wants a statement any more: it leaves the queue, or the server is asked to cancel it.
    mutating func abandon(_ id: UInt64, _ code: PostgresError.Code) {
        if let index = queue.firstIndex(where: { $0.entry.id == id }) {
            let entry = queue.remove(at: index)
            return answer(entry.entry, entry.waiter, .failure(Self.abandonment(code, isSent: false)))
        }
        guard let pg, let active, active.entry.id == id, active.abandoned == nil else { return }
        self.active?.abandoned = code
        giveUpAt = MonotonicClock.now() + Self.cancelPatience
        wake(at: giveUpAt)
        switch active.phase {
        case .copyIn:
            endCopyIn(failure: "abandoned")
            // The task that waits for room comes back for the outcome.
            resumeWaiter(.failure(Self.abandonment(code, isSent: true)))
        case .results, .copyOut:
            resumeReading()
            askToCancel(pg)
        }
    }

    private mutating func askToCancel(_ pg: OpaquePointer) {
        guard !cancelPending else { return }
        guard let request = CancelRequest(pg) else { return lose(lossError()) }
        cancelPending = true
        effects.append(.cancel(request))
    }

    /// The server has been asked to cancel, so nothing that starts from now on can be hit.
    ///
    /// It ignores a request that comes before its process has taken up the statement, as on a busy machine, and so is asked
    /// again until the statement ends.
    mutating func cancelSent() {
        cancelPending = false
        guard pg != nil else { return }
        if active == nil {
            giveUpAt = .max
            startNext()
        } else if active?.abandoned != nil {
            cancelAgainAt = MonotonicClock.now() + Self.cancelInterval
            wake(at: cancelAgainAt)
        }
    }

    /// Asks once more to cancel the statement that runs, when it is time for that.
    mutating func cancelAgain(_ now: UInt64) {
        guard cancelAgainAt <= now, let pg else { return }
        cancelAgainAt = .max
        if active?.abandoned != nil { askToCancel(pg) }
    }
}
