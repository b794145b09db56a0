extension PostgresConnection {
    /// Runs `body` in a transaction: COMMIT when it returns, ROLLBACK when it throws, and its error is thrown on.
    ///
    /// `body` must not end the transaction itself. While it runs, a lost connection means that nothing took effect, so its
    /// errors don't have `outcomeUnknown` set. A COMMIT whose answer is lost throws an error that has.
    ///
    /// - Parameter begin: the statement that begins the transaction, such as `BEGIN ISOLATION LEVEL REPEATABLE READ`.
    /// - Throws: what `body` throws, and `PostgresError`; SQLSTATE 25P02 when a statement had failed and `body` returned
    ///   all the same, so that the server rolled back.
    public func withTransaction<R: Sendable>(
        _ begin: String = "BEGIN", _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        _ = try Self.rows(await core.run(.script(begin), deadline: .seconds(30), unknownWhenLost: false))
        core.setManagedTransaction(true)
        let result: R
        do {
            result = try await body(self)
        } catch {
            await rollBack()
            throw error
        }
        core.setManagedTransaction(false)
        let committed = try Self.rows(
            await core.run(.script("COMMIT"), deadline: .seconds(30), unknownWhenLost: true, isCancellable: false))
        guard committed.result.commandTag == "COMMIT" else {
            throw PostgresError(
                .server, "a statement of the transaction had failed, so the server rolled it back", sqlState: "25P02")
        }
        return result
    }

    /// Ends a transaction without effect; a connection on which that fails is closed, which has the same effect.
    private func rollBack() async {
        let reply = await core.run(.script("ROLLBACK"), deadline: .seconds(10), unknownWhenLost: false, isCancellable: false)
        core.setManagedTransaction(false)
        if case .failure(let error) = reply { core.close(error) }
    }
}
