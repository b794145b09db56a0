extension PostgresConnection {
    /// Runs `COPY … FROM STDIN` with the bytes that `next` gives until it gives nil; they may be cut anywhere.
    ///
    /// `next` is asked again only when the socket has taken what it gave before. What it throws undoes the COPY and is
    /// thrown on. The deadline counts from the start to the server's answer.
    ///
    /// - Returns: the number of rows.
    @discardableResult
    public func copyIn(
        _ sql: String, deadline: Duration = .seconds(300), next: @Sendable () async throws -> [UInt8]?
    ) async throws -> Int {
        let id = core.newEntryID()
        guard case .copyStarted = try await core.run(.copyIn(sql), deadline: deadline, id: id).get() else {
            throw PostgresError(.protocolViolation, "the statement is no COPY … FROM STDIN")
        }
        do {
            while let bytes = try await next() {
                guard case .success = await core.put(id, bytes) else { break }
            }
        } catch {
            _ = await core.finishCopy(id, failure: "the sender failed")
            throw error
        }
        return try Self.rows(await core.finishCopy(id, failure: nil)).affected
    }

    /// Runs `COPY … TO STDOUT` and gives its data to `body`, one or more whole messages (in text format: lines) at a time.
    ///
    /// What comes is gathered to 64 KiB, but for the last, and read up to 256 KiB ahead of what `body` has taken. What it throws
    /// cancels the COPY and is thrown on.
    public func copyOut(
        _ sql: String, deadline: Duration = .seconds(300), body: @Sendable ([UInt8]) throws -> Void
    ) async throws {
        let id = core.newEntryID()
        guard case .copyStarted = try await core.run(.copyOut(sql), deadline: deadline, id: id).get() else {
            throw PostgresError(.protocolViolation, "the statement is no COPY … TO STDOUT")
        }
        while true {
            guard case .chunk(let chunk) = try await core.readCopy(id).get() else { return }
            do {
                try body(chunk)
            } catch {
                core.abandon(id)
                while case .success(.chunk) = await core.readCopy(id) {}
                throw error
            }
        }
    }
}
