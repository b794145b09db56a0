internal import Catalogue
internal import Ledger
internal import Synchronization

/// A circuit for each account and model: after some faults in a row nothing more is sent there for a while, then one request
/// tries; the while doubles with each try that fails.
final class Circuits: Sendable {
    /// An account at a provider, for one of its models.
    struct Key: Sendable, Hashable {
        /// The organization's provider key; nil for the house's.
        let own: ProviderKeyID?
        let provider: String
        /// Which of the house's accounts.
        let account: Int
        /// The provider's name for the model.
        let model: String

        init(_ route: Route) {
            own = route.own?.id
            provider = route.provider.id
            account = route.account
            model = route.mapping.upstreamName
        }
    }

    enum Standing: Sendable, Hashable {
        case closed
        /// Nothing is to be sent but as a last resort.
        case open
        /// One request may try.
        case trying
    }

    /// What an attempt says about the account.
    enum Report: Sendable, Hashable {
        case answered
        /// - retryAfter: Seconds that the provider asked to wait.
        case fault(retryAfter: Int?)
        /// The client's fault, or its leaving.
        case neither
    }

    private struct Circuit {
        var faults = 0
        /// Whether the provider has asked to wait since it last answered.
        var hasAsked = false
        var backOff = Circuits.shortest
        /// Nil while it is closed.
        var openUntil: ContinuousClock.Instant?
        /// Until when the request that tries may take; after it another may try.
        var tryingUntil: ContinuousClock.Instant?
    }

    /// Faults in a row that open a circuit.
    private static let enough = 5
    static let shortest: Duration = .seconds(1)
    /// A mapping that is back must have its requests again within half a minute, unless its provider asked more than once to wait.
    static let longest: Duration = .seconds(15)
    /// The most that a provider is left alone because it asked for it again, in which the limits of a minute are over: the first time
    /// it may have been one customer's burst, for which the others are not to go elsewhere so long. One that asks for more, such
    /// as for the rest of a day, may serve another account's limits or have been wrong.
    static let longestAsked: Duration = .seconds(60)
    /// How long the request that tries may take to say how it went.
    private static let trial: Duration = .seconds(10)
    private static let most = 100_000

    private let circuits = Mutex<[Key: Circuit]>([:])

    func standing(of key: Key, at now: ContinuousClock.Instant = .now) -> Standing {
        circuits.withLock { circuits in
            guard let circuit = circuits[key], let openUntil = circuit.openUntil else { return .closed }
            guard now >= openUntil, circuit.tryingUntil.map({ now >= $0 }) ?? true else { return .open }
            return .trying
        }
    }

    /// Says that a request goes there: while one tries, no other does.
    func begin(_ key: Key, at now: ContinuousClock.Instant = .now) {
        circuits.withLock { circuits in
            guard let openUntil = circuits[key]?.openUntil, now >= openUntil else { return }
            circuits[key]?.tryingUntil = now + Self.trial
        }
    }

    /// Says how it went.
    func end(_ key: Key, _ report: Report, at now: ContinuousClock.Instant = .now) {
        circuits.withLock { circuits in
            switch report {
            case .neither:
                circuits[key]?.tryingUntil = nil
            case .answered:
                circuits[key] = nil
            case .fault(let retryAfter):
                if circuits.count >= Self.most, circuits[key] == nil { circuits.removeAll() }
                var circuit = circuits[key] ?? Circuit()
                circuit.faults += 1
                let wait = retryAfter.map { min(Duration.seconds($0), circuit.hasAsked ? Self.longestAsked : Self.longest) }
                circuit.hasAsked = circuit.hasAsked || wait != nil
                if let openUntil = circuit.openUntil {
                    // Requests that began before it opened say nothing new.
                    if now >= openUntil || circuit.tryingUntil != nil {
                        circuit.backOff = min(circuit.backOff * 2, Self.longest)
                        circuit.openUntil = now + max(circuit.backOff, wait ?? .zero)
                        circuit.tryingUntil = nil
                    }
                } else if circuit.faults >= Self.enough || wait != nil {
                    circuit.openUntil = now + max(circuit.backOff, wait ?? .zero)
                }
                circuits[key] = circuit
            }
        }
    }
}
