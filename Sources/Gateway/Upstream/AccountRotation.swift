internal import Catalogue
internal import Synchronization

/// Takes a provider's accounts in turn, so that several keys share its load, and one that is refused is followed by another.
final class AccountRotation: Sendable {
    private let turn = Atomic<UInt>(0)

    /// `route` once for each of the house's accounts, beginning with the next in turn.
    func routes(_ route: Route) -> [Route] {
        let count = route.provider.accounts.count
        guard route.own == nil, count > 1 else { return [route] }
        let first = Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(count))
        return (0..<count).map { route.with(account: (first + $0) % count) }
    }
}
