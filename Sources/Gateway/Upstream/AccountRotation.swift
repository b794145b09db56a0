internal import Catalogue
internal import Credentials
internal import Synchronization

/// Takes a provider's accounts in turn, so that several keys share its load.
final class AccountRotation: Sendable {
    private let turn = Atomic<UInt>(0)

    /// The account that pays for `route`; nil when there is none, or nothing says where it is.
    func account(for route: Route) -> Provider.Account? {
        guard let own = route.own else { return next(of: route.provider) }
        guard let baseURL = own.baseURL ?? route.provider.baseURL(options: own.options) else { return nil }
        let options = route.provider.options.merging(own.options) { $1 }
        return Provider.Account(baseURL: baseURL, apiKey: own.credential.secret, options: options)
    }

    /// The next account of the house; nil when it has none.
    private func next(of provider: Provider) -> Provider.Account? {
        guard provider.accounts.count > 1 else { return provider.accounts.first }
        return provider.accounts[Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(provider.accounts.count))]
    }
}
