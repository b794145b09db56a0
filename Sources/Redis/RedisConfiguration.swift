/// Where Redis is and how a connection to it behaves.
public struct RedisConfiguration: Sendable, CustomStringConvertible {
    public init(url: String) throws(RedisError) {
        preconditionFailure("not built yet")
    }
    public var description: String { "redis" }
}
