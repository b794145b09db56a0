public import Logging
public import NIOCore
import NIOPosix
import Synchronization

/// One ``RedisConnection`` for each event loop of a group, all to the same Redis.
public final class RedisClient: Sendable {
    private let connections: [RedisConnection]
    private let byLoop: [ObjectIdentifier: RedisConnection]
    private let turn = Atomic(0)

    /// Begins to connect on every loop; does not wait.
    ///
    /// - Parameter onConnect: as in ``RedisConnection``; runs for every connection.
    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onConnect: (@Sendable (RedisConnection) async throws -> Void)? = nil
    ) {
        let factory = ConnectionFactory(configuration)
        let loops = Array(eventLoopGroup.makeIterator())
        precondition(!loops.isEmpty, "a group has at least one event loop")
        connections = loops.map { RedisConnection(factory: factory, on: $0, logger: logger, onConnect: onConnect) }
        byLoop = Dictionary(uniqueKeysWithValues: connections.map { (ObjectIdentifier($0.eventLoop), $0) })
        for connection in connections { connection.start() }
    }

    /// The connection of a loop; a loop that is not of the group gets another one's.
    public func connection(for eventLoop: any EventLoop) -> RedisConnection {
        byLoop[ObjectIdentifier(eventLoop)] ?? any
    }

    /// The connection of the loop that is running this code, or the next one in turn.
    public var any: RedisConnection {
        if let loop = MultiThreadedEventLoopGroup.currentEventLoop, let own = byLoop[ObjectIdentifier(loop)] { return own }
        let next = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return connections[Int(UInt(bitPattern: next) % UInt(connections.count))]
    }

    /// The figures of all connections added up; ready when all are.
    public var statistics: RedisStatistics {
        connections.dropFirst().reduce(connections[0].statistics) { $0 + $1.statistics }
    }

    /// Shuts every connection down; see ``RedisConnection/shutdown(deadline:)``.
    public func shutdown(deadline: Duration = .seconds(2)) async {
        await withTaskGroup(of: Void.self) { group in
            for connection in connections { group.addTask { await connection.shutdown(deadline: deadline) } }
        }
    }
}
