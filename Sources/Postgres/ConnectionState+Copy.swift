import CPostgres

extension ConnectionState {
    /// How many bytes of a COPY … TO STDOUT are handed over at least, but for the last: each time costs a hop between threads.
    private static let chunkSize = 64 << 10
    /// How many bytes are read before the reader asks for them, so that server, reactor and reader work at the same time.
    private static let readAhead = 256 << 10

    /// Whether the reader is so far behind that nothing more is read for it.
    var isReaderBehind: Bool {
        active?.phase == .copyOut && active?.abandoned == nil && copied.count >= Self.readAhead
    }

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
        guard self.pg != nil else { return }
        if PQstatus(pg) == CONNECTION_BAD { return lose(lossError()) }
        if !isReaderBehind { resumeReading() }
        startNext()
    }

    /// Takes what has arrived of a COPY … TO STDOUT, and hands it over when it is enough, or the last. False when nothing more
    /// can be done now.
    mutating func takeCopyData() -> Bool {
        guard let pg, let active else { return false }
        let isUnwanted = active.abandoned != nil
        if isUnwanted { copied = [] }
        while !copyIsOver, isUnwanted || copied.count < Self.readAhead {
            var row: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(pg, &row, 1)
            if length == 0 { break }
            guard length > 0, let row else {
                copyIsOver = true
                break
            }
            if !isUnwanted { copied.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(length))) }
            PQfreemem(row)
        }
        if active.waiter != nil, !copied.isEmpty, copyIsOver || copied.count >= Self.chunkSize {
            resumeWaiter(.success(.chunk(copied)))
            copied = []
            if !copyIsOver { copied.reserveCapacity(Self.chunkSize + Self.chunkSize / 4) }
        }
        guard copyIsOver, copied.isEmpty else { return false }
        // At the end, and after an error, the outcome comes as an ordinary result.
        copyIsOver = false
        self.active?.phase = .results
        return true
    }

    private func copyEnded(_ id: UInt64) -> PostgresError {
        if let active, active.entry.id == id, let code = active.abandoned { return Self.abandonment(code, isSent: true) }
        return lost ?? PostgresError(.protocolViolation, "the COPY has ended")
    }
}
