public import Ledger
public import Logging
public import Money
public import NIOCore
package import Postgres
import Redis
import Synchronization

import struct FoundationEssentials.UUID

/// The gateway's side of admission. One in a process.
public final class AdmissionClient: Sendable {
    /// What may be set.
    public struct Configuration: Sendable {
        /// How many tokens are kept in memory.
        public var cachedTokens = 100_000
        /// How many unknown tokens one client address may try at once, and in a second after that.
        public var strangerBurst = 30
        public var strangerInterval: Duration = .seconds(1)
        /// The longest that Redis may take for one answer. It bounds how long a client waits for a Redis that is stuck; a
        /// short one would turn a busy machine's late answers into refusals.
        public var deadline: Duration = .seconds(2)
        /// The longest that building one organization's state may take while a request waits.
        public var healDeadline: Duration = .milliseconds(250)
        /// How often the background looks whether Redis lacks something.
        public var sweepInterval: Duration = .seconds(1)

        public init() {}
    }

    let store: AdmissionStore
    /// Where its figures are read; nil in a simulation.
    let postgres: PostgresClient?
    let healer: Healer
    let logger: Logger
    private let configuration: Configuration
    private let tokens: TokenDirectory
    private let instance: String
    let cachedGauges = Mutex<(ContinuousClock.Instant, AdmissionGauges)?>(nil)

    /// - Parameter instance: the id of this process, under which its holds stand.
    public convenience init(
        redis: AdmissionRedis, instance: InstanceID, configuration: Configuration = Configuration(), logger: Logger
    ) {
        self.init(
            store: redis.store, postgres: redis.postgres, instance: instance, configuration: configuration, logger: logger)
    }

    package init(
        store: AdmissionStore, postgres: PostgresClient?, instance: InstanceID, configuration: Configuration = Configuration(),
        logger: Logger
    ) {
        self.store = store
        self.postgres = postgres
        self.configuration = configuration
        self.logger = logger
        self.instance = instance.uuid.lowercase
        healer = Healer(store: store, logger: logger)
        tokens = TokenDirectory(
            reads: store.reads, surroundings: store.surroundings, capacity: configuration.cachedTokens,
            limit: StrangerLimit(burst: configuration.strangerBurst, interval: configuration.strangerInterval))
    }

    /// Whether nothing is admitted here because the ledger trusted another Redis when last looked.
    public var isSuperseded: Bool { store.trust.isRefused }

    /// Where the token with this SHA-256 belongs; nil for an unknown one.
    /// - Parameter client: whom to count unknown tokens against: the client's network address.
    /// - Throws: ``AdmissionError`` with `unavailable`, `tooManyUnknownTokens` or `invalidRequest`.
    public func address(
        ofDigest digest: [UInt8], client: String, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> KeyAddress? {
        guard digest.count == 32 else { throw AdmissionError(.invalidRequest, "a digest has 32 bytes") }
        return try await tokens.address(ofDigest: digest, client: client)
    }

    /// Asks for a hold, and has the organization's state built anew when it is missing.
    ///
    /// The same request asked for again (after an answer that was lost) gets the hold that it has.
    /// - Throws: ``AdmissionError`` when there is no answer; a hold may then be in place, and is voided after a minute.
    public func admit(_ request: AdmitRequest, on eventLoop: any EventLoop) async throws(AdmissionError) -> AdmitDecision {
        let decision = try await ask(request, on: eventLoop)
        guard decision == .unknown else { return decision }
        guard await healer.heal(request.address.organization, within: configuration.healDeadline) == .healed else {
            return .unknown
        }
        return try await ask(request, on: eventLoop)
    }

    /// Admits again after append answered `stale_epoch`: in the state of the epoch that it named, or a later one.
    ///
    /// The first hold needs no care: it went with the old state.
    public func readmit(
        _ request: AdmitRequest, staleEpoch current: Int64, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> AdmitDecision {
        let organization = request.address.organization
        guard await healer.heal(organization, atLeast: current, within: configuration.healDeadline) == .healed else {
            return .unknown
        }
        return try await ask(request, on: eventLoop)
    }

    /// Lowers the request's own hold to its charge, after the outcome is durable, so that the rest can be spent before the
    /// projector has settled it. Never raises one. Best effort: the projector settles it anyway.
    ///
    /// Nobody waits for it. What is asked afterwards on the same event loop finds it done; whoever hears of the outcome first
    /// has a network to cross before it can ask on another.
    public func lower(_ request: RequestID, address: KeyAddress, to charge: NanoDollars, on eventLoop: any EventLoop) {
        guard charge >= .zero else { return }
        let amount = SignedAmount(charge.rawValue)
        tell(.lower, request, address, [.string(amount.text), .string(amount.negated)], on: eventLoop)
    }

    /// Gives a hold back whose authorization certainly is not in the ledger and never will be. Best effort.
    ///
    /// A hold that the ledger knows stays.
    public func release(_ request: RequestID, address: KeyAddress, on eventLoop: any EventLoop) {
        tell(.release, request, address, [], on: eventLoop)
    }

    /// What the key could hold now, nano-dollars: the least over the limited scopes; nil when the state is unknown.
    public func available(
        _ address: KeyAddress, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> NanoDollars? {
        for attempt in 0..<2 {
            let reply = try await store.connection(for: eventLoop).call(
                .available, keys: [OrganizationKeys(address.organization).state],
                [.string(address.project.uuid.lowercase), .string(address.key.uuid.lowercase)],
                deadline: configuration.deadline)
            let words = (reply.array ?? []).map { $0.string ?? "" }
            if let least = AdmitReply.least(words[...]) { return least }
            guard attempt == 0, await healer.heal(address.organization, within: configuration.healDeadline) == .healed else {
                return nil
            }
        }
        return nil
    }

    /// Builds the states anew that a loss took away, until cancelled; in any number of processes.
    public func run() async {
        let sweeper = Sweeper(store: store, healer: healer, logger: logger)
        var problem: AdmissionError?
        while !Task.isCancelled {
            var pause = configuration.sweepInterval
            do {
                // What can't be built now is left to the requests for a while.
                if try await !sweeper.sweep() { pause *= 10 }
                problem = nil
            } catch {
                if problem != error { logger.warning("Redis could not be looked after", metadata: ["error": "\(error)"]) }
                problem = error
            }
            await store.surroundings.sleep(pause)
        }
    }

    private func ask(_ request: AdmitRequest, on eventLoop: any EventLoop) async throws(AdmissionError) -> AdmitDecision {
        guard request.digest.count == 32, request.hold >= .zero, request.tokens >= 0 else {
            throw AdmissionError(.invalidRequest, "a digest has 32 bytes, and neither hold nor tokens are below zero")
        }
        try store.trust.check()
        let keys = OrganizationKeys(request.address.organization)
        let hold = SignedAmount(request.hold.rawValue)
        let owner = request.address.project.uuid.lowercase + request.address.key.uuid.lowercase + instance
        var arguments: [RedisArgument] = [
            .string(request.request.uuid.lowercase), .string(owner), .string(Hexadecimal.encode(request.digest)),
            .string(hold.text), .string(hold.negated), .integer(request.tokens), .integer(request.policy),
        ]
        if request.isRefused { arguments.append("refused") } else if request.isUnbounded { arguments.append("unbounded") }
        let reply = try await store.connection(for: eventLoop).call(
            .admit, keys: [keys.state, keys.holds], arguments, deadline: configuration.deadline)
        let decision = try AdmitReply.decision(reply)
        if case .denied(let denial) = decision, denial.reason == .unknownKey { tokens.forget(request.digest) }
        return decision
    }

    private func tell(
        _ function: AdmissionFunction, _ request: RequestID, _ address: KeyAddress, _ arguments: [RedisArgument],
        on eventLoop: any EventLoop
    ) {
        let keys = OrganizationKeys(address.organization)
        let logger = logger
        store.connection(for: eventLoop).tell(
            function, keys: [keys.state, keys.holds], [.string(request.uuid.lowercase)] + arguments,
            deadline: configuration.deadline
        ) { error in
            logger.debug("a hold could not be changed", metadata: ["request": "\(request)", "error": "\(error)"])
        }
    }
}
