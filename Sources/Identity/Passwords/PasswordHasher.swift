internal import Dispatch
internal import Synchronization

/// Runs password hashes on threads of their own, a few at a time: they are expensive on purpose, and must neither hold up the
/// gateway's requests nor let a crowd at the door take all memory.
final class PasswordHasher: Sendable {
    private struct State {
        var waiting: Int
        var next: Int
        var computed = 0
    }

    private let lanes: [DispatchQueue]
    private let maximumWaiting: Int
    private let state = Mutex(State(waiting: 0, next: 0))

    /// - Parameters:
    ///   - lanes: hashes that run at the same time.
    ///   - maximumWaiting: callers beyond this are refused rather than kept.
    init(lanes: Int, maximumWaiting: Int) {
        self.lanes = (0..<max(1, lanes)).map { DispatchQueue(label: "llmgateway.password.\($0)", qos: .utility) }
        self.maximumWaiting = maximumWaiting
    }

    /// Hashes that were computed: what an attempt cost.
    var computed: Int { state.withLock(\.computed) }

    /// A new password's hash.
    ///
    /// - Parameter salt: That of the hash before, for a password that is the same.
    func hash(
        _ password: String, cost: PasswordCost, salt: [UInt8] = SecretToken.random(16)
    ) async throws(IdentityError) -> PasswordHash {
        try await run { try PasswordHash(of: password, cost: cost, salt: salt) }
    }

    /// Whether the password is the stored one; false for an account that has none, after as much work.
    func verify(_ password: String, against stored: PasswordHash?, cost: PasswordCost) async throws(IdentityError) -> Bool {
        let compared = stored ?? .decoy(cost)
        let matches = try await run { try compared.matches(password) }
        return matches && stored != nil
    }

    private func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws(IdentityError) -> R {
        let lane: Int? = state.withLock { state in
            guard state.waiting < maximumWaiting else { return nil }
            state.waiting += 1
            state.next = (state.next + 1) % lanes.count
            return state.next
        }
        guard let lane else { throw .busy }
        let result: Result<R, any Error> = await withCheckedContinuation { caller in
            lanes[lane].async {
                let result = Result { try body() }
                self.state.withLock { state in
                    state.waiting -= 1
                    state.computed += 1
                }
                caller.resume(returning: result)
            }
        }
        do { return try result.get() } catch { throw .busy }
    }
}
