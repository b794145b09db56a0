public import Ledger
public import Logging
public import Money
public import NIOCore

/// The gateway's side of admission.
public final class AdmissionClient: Sendable {
    public init(redis: AdmissionRedis, instance: InstanceID, logger: Logger) {}

    /// Where the token with this SHA-256 belongs; nil for an unknown one.
    /// - Parameter client: whom to count unknown tokens against: the client's network address.
    public func address(
        ofDigest digest: [UInt8], client: String, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> KeyAddress? {
        preconditionFailure("not built yet")
    }

    /// Asks for a hold.
    public func admit(_ request: AdmitRequest, on eventLoop: any EventLoop) async throws(AdmissionError) -> AdmitDecision {
        preconditionFailure("not built yet")
    }

    /// Admits again after append answered `stale_epoch`, in the state of that epoch or a later one.
    public func readmit(
        _ request: AdmitRequest, staleEpoch current: Int64, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> AdmitDecision {
        preconditionFailure("not built yet")
    }

    /// Lowers the request's own hold to its charge, after the outcome is durable. Best effort: `apply` settles it anyway.
    public func lower(
        _ request: RequestID, address: KeyAddress, to charge: NanoDollars, on eventLoop: any EventLoop
    ) async {}

    /// Gives a hold back whose authorization certainly never was and never will be appended. Best effort.
    public func release(_ request: RequestID, address: KeyAddress, on eventLoop: any EventLoop) async {}

    /// What the key could hold now: the least over the limited scopes; nil when the state is unknown.
    public func available(
        _ address: KeyAddress, on eventLoop: any EventLoop
    ) async throws(AdmissionError) -> NanoDollars? {
        preconditionFailure("not built yet")
    }

    /// Builds the states anew that a loss took away; hosted as a service, in any number of processes.
    public func run() async {}
}
