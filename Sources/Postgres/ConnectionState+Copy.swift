import CPostgres

extension ConnectionState {
    /// How many bytes of a COPY … TO STDOUT are handed over at once.
    private static let chunkSize = 64 << 10

    /// Sends data of a COPY … FROM STDIN. Nil when the socket is full: then `waitForRoom` comes next.
    mutating func putCopyData(_ id: UInt64, _ bytes: [UInt8]) -> Reply? {
        if let ended = parked[id] { return ended }
        guard let pg, let active, active.entry.id == id, active.phase == .copyIn else { return .failure(copyEnded(id)) }
        var offset = 0
        // libpq takes at most an int's worth at once.
        while offset < bytes.count {
            let length = min(bytes.count - offset, 1 << 20)
            let result = bytes.withUnsafeBytes { buffer in
                PQputCopyData(pg, buffer.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self), Int32(length))
            }
            guard result == 1 else {
                let error = lossError()
                lose(error)
                return .failure(error)
            }
            offset += length
        }
        flush()
        return isWriting ? nil : .success(.writable)
    }

    mutating func waitForRoom(_ id: UInt64, _ waiter: Waiter) {
        if let ended = parked[id] { return effects.append(.resume(waiter, ended)) }
        guard let active, active.entry.id == id, active.phase == .copyIn else {
            return effects.append(.resume(waiter, .failure(copyEnded(id))))
        }
        if isWriting {
            self.active?.waiter = waiter
        } else {
            effects.append(.resume(waiter, .success(.writable)))
        }
    }

    /// Ends a COPY … FROM STDIN and waits for its outcome.
    mutating func finishCopy(_ id: UInt64, failure: String?, _ waiter: Waiter) {
        if let ended = parked.removeValue(forKey: id) { return effects.append(.resume(waiter, ended)) }
        guard let active, active.entry.id == id else { return effects.append(.resume(waiter, .failure(copyEnded(id)))) }
        self.active?.waiter = waiter
        if active.phase == .copyIn { endCopyIn(failure: failure) }
    }

    /// Tells the server that no more data come; with a failure it undoes the COPY.
    mutating func endCopyIn(failure: String?) {
        active?.phase = .results
        guard PQputCopyEnd(pg, failure) == 1 else { return lose(lossError()) }
        active?.copyEnded = failure == nil
        flush()
    }

    /// Waits for the next data of a COPY … TO STDOUT, or for its outcome.
    mutating func readCopyData(_ id: UInt64, _ waiter: Waiter) {
        if let ended = parked.removeValue(forKey: id) { return effects.append(.resume(waiter, ended)) }
        guard let pg, active?.entry.id == id else { return effects.append(.resume(waiter, .failure(copyEnded(id)))) }
        active?.waiter = waiter
        drain()
        guard active?.entry.id == id, active?.waiter != nil, self.pg != nil else { return startNext() }
        // Read here what has arrived meanwhile: the hop to the reactor is only needed to wait.
        guard consumeInput(pg) else { return lose(lossError()) }
        drain()
        guard self.pg != nil else { return }
        if PQstatus(pg) == CONNECTION_BAD { return lose(lossError()) }
        resumeReading()
        startNext()
    }

    /// Hands what has arrived of a COPY … TO STDOUT to who waits for it. False when nothing more can be done now.
    mutating func takeCopyData() -> Bool {
        guard let pg, let active else { return false }
        let isUnwanted = active.abandoned != nil
        guard isUnwanted || active.waiter != nil else { return false }
        var chunk: [UInt8] = []
        var ended = false
        while chunk.count < Self.chunkSize {
            var row: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(pg, &row, 1)
            if length == 0 { break }
            guard length > 0, let row else {
                ended = true
                break
            }
            if !isUnwanted { chunk.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(length))) }
            PQfreemem(row)
        }
        // At the end, and after an error, the outcome comes as an ordinary result.
        if ended { self.active?.phase = .results }
        if !chunk.isEmpty { resumeWaiter(.success(.chunk(chunk))) }
        return ended
    }

    private func copyEnded(_ id: UInt64) -> PostgresError {
        if let active, active.entry.id == id, let code = active.abandoned { return Self.abandonment(code, isSent: true) }
        return lost ?? PostgresError(.protocolViolation, "the COPY has ended")
    }
}
