internal import Catalogue
internal import Synchronization

/// Takes a provider's accounts in turn, so that several keys share its load.
final class AccountRotation: Sendable {
    private let turn = Atomic<UInt>(0)

    /// The next account of `provider`; nil when it has none.
    func next(of provider: Provider) -> Provider.Account? {
        guard provider.accounts.count > 1 else { return provider.accounts.first }
        return provider.accounts[Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(provider.accounts.count))]
    }
}
