import Ledger
import Synchronization

/// Maps the digests of tokens to where they belong. What is found stays in memory; what is not found never does.
///
/// Those who ask for one digest at the same time share one look-up. A look-up takes of its client's allowance for unknown
/// tokens and gives it back when the token is found, so whoever comes while the allowance is out on look-ups waits for one of
/// them: two hundred requests with good keys right after a start are not two hundred strangers.
final class TokenDirectory: Sendable {
    private typealias Answer = Result<KeyAddress?, AdmissionError>

    private struct Lookup {
        let client: String
        let task: Task<Answer, Never>
    }

    private struct State {
        var cache: LRUCache<[UInt8], KeyAddress>
        var strangers: StrangerLimit
        var running: [[UInt8]: Lookup] = [:]
    }

    private enum Next {
        case known(KeyAddress)
        /// The look-up of this very digest.
        case ask(Task<Answer, Never>)
        /// One that may give back what this one needs.
        case wait(Task<Answer, Never>)
        case refused
    }

    private static let deadline: Duration = .seconds(2)

    private let reads: any AdmissionReads
    private let surroundings: Surroundings
    private let state: Mutex<State>

    init(reads: any AdmissionReads, surroundings: Surroundings, capacity: Int, limit: StrangerLimit) {
        self.reads = reads
        self.surroundings = surroundings
        state = Mutex(State(cache: LRUCache(capacity: capacity), strangers: limit))
    }

    /// - Throws: ``AdmissionError`` with `tooManyUnknownTokens` when this client asked for too many that do not exist.
    func address(ofDigest digest: [UInt8], client: String) async throws(AdmissionError) -> KeyAddress? {
        if let known = state.withLock({ $0.cache.value(for: digest) }) { return known }
        let giveUp = surroundings.now() + Self.deadline
        while true {
            switch next(digest, client) {
            case .known(let address): return address
            case .ask(let task): return try await task.value.get()
            case .wait(let task):
                guard surroundings.now() < giveUp else {
                    throw AdmissionError(.unavailable, "too many tokens of this address are being looked up")
                }
                _ = await task.value
            case .refused: throw AdmissionError(.tooManyUnknownTokens, "too many unknown tokens came from this address")
            }
        }
    }

    /// For a token that its key no longer has.
    func forget(_ digest: [UInt8]) { state.withLock { $0.cache.remove(digest) } }

    private func next(_ digest: [UInt8], _ client: String) -> Next {
        state.withLock { state in
            if let known = state.cache.value(for: digest) { return .known(known) }
            if let lookup = state.running[digest] { return .ask(lookup.task) }
            guard state.strangers.take(client, now: surroundings.now()) else {
                let other = state.running.values.first { $0.client == client }
                return other.map { .wait($0.task) } ?? .refused
            }
            // Not of the caller's task: it is shared, and one caller's cancellation must not fail the others.
            let task = Task(executorPreference: surroundings.executor) { await self.lookUp(digest, client) }
            state.running[digest] = Lookup(client: client, task: task)
            return .ask(task)
        }
    }

    private func lookUp(_ digest: [UInt8], _ client: String) async -> Answer {
        let answer = await read(digest)
        state.withLock { state in
            state.running[digest] = nil
            switch answer {
            case .success(nil): break
            case .success(let address?):
                state.cache.set(address, for: digest)
                state.strangers.giveBack(client)
            case .failure: state.strangers.giveBack(client)
            }
        }
        return answer
    }

    private func read(_ digest: [UInt8]) async -> Answer {
        do {
            return .success(try await reads.address(ofDigest: Hexadecimal.encode(digest), deadline: Self.deadline))
        } catch {
            return .failure(AdmissionError(postgres: error))
        }
    }
}

/// How many unknown tokens each client address may try: so many at once, and one more with every interval.
struct StrangerLimit: Sendable {
    private let burst: Int
    private let interval: Duration
    private let capacity: Int
    /// When each address has everything back: an attempt puts that off by one interval.
    private var whole: [String: ContinuousClock.Instant] = [:]

    init(burst: Int = 30, interval: Duration = .seconds(1), capacity: Int = 10_000) {
        self.burst = burst
        self.interval = interval
        self.capacity = capacity
    }

    mutating func take(_ client: String, now: ContinuousClock.Instant) -> Bool {
        if whole.count >= capacity && whole[client] == nil { forgetTheWhole(now) }
        let next = max(whole[client] ?? now, now) + interval
        guard next - now <= interval * burst else { return false }
        whole[client] = next
        return true
    }

    mutating func giveBack(_ client: String) {
        if let at = whole[client] { whole[client] = at - interval }
    }

    /// Those who did nothing for a while lose nothing by it; when nobody is whole, memory goes before memory of offences.
    private mutating func forgetTheWhole(_ now: ContinuousClock.Instant) {
        whole = whole.filter { $0.value > now }
        if whole.count >= capacity { whole.removeAll(keepingCapacity: true) }
    }
}
