internal import Crypto
internal import FoundationEssentials
internal import Ledger
internal import NIOCore
internal import Redis

/// Which provider answered a session last, so that its next request finds what that provider has cached. It is shared by all
/// gateways through Redis, and forgotten after half an hour without a request.
struct StickySessions: Sendable {
    let redis: RedisClient

    /// Longer than this no request waits to hear of it.
    private static let deadline: Duration = .milliseconds(50)
    private static let seconds: Int64 = 1_800

    func provider(
        of session: String, model: String, organization: OrganizationID, on eventLoop: any EventLoop
    ) async -> String? {
        let key = Self.key(session, model, organization)
        return try? await redis.connection(for: eventLoop).call(["GET", key], deadline: Self.deadline).string
    }

    /// Nobody waits for it.
    func keep(
        _ provider: String, of session: String, model: String, organization: OrganizationID, on eventLoop: any EventLoop
    ) {
        redis.connection(for: eventLoop).tell(
            ["SET", Self.key(session, model, organization), .string(provider), "EX", .integer(Self.seconds)],
            deadline: .seconds(1)
        ) { _ in }
    }

    /// A digest, because a session may be named by a person's id. It is made here and not for every request: most have no choice.
    private static func key(_ session: String, _ model: String, _ organization: OrganizationID) -> RedisArgument {
        let digest = Array(SHA256.hash(data: Data(session.utf8)).prefix(16))
        return .string("{\(organization)}:session:\(Hexadecimal.encode(digest)):\(model)")
    }
}
