internal import Ledger
internal import Logging
internal import Redis
internal import Synchronization

/// Tells the other gateways what this one counted of every mapping, and learns what they counted: every second, through Redis.
///
/// A bucket is a hash `{routing}:counts:<bucket>` of fields `<kind> <provider> <model>`, gone after an hour; `{routing}:forgiven`
/// has the buckets up to which a mapping's past is forgotten. They are figures for choosing, not limits: without Redis each
/// gateway goes by its own.
struct HealthExchange: Sendable {
    let health: RouteHealth
    let redis: RedisClient
    let logger: Logger

    private static let pace: Duration = .seconds(1)
    private static let forgivenKey = "{routing}:forgiven"
    private static let deadline: Duration = .seconds(2)

    /// Until cancelled.
    func run() async {
        var unsent: [MappingName: RouteCounts] = [:]
        while !Task.isCancelled {
            for (name, counts) in health.takePending() { unsent[name, default: RouteCounts()].add(counts) }
            let now = RouteHealth.bucket(at: Timestamp.now.microseconds / 1_000_000)
            do {
                if !unsent.isEmpty {
                    let told = unsent
                    // A call that failed may have been obeyed: rather a few attempts are not counted than twice.
                    unsent = [:]
                    try await tell(told, in: now)
                }
                let (counts, forgiven) = try await ask(now)
                health.learn(counts, forgiven: forgiven, now: now)
            } catch {
                logger.debug("the health of providers was not exchanged", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.pace)
        }
    }

    /// Tells all gateways that a mapping is back.
    func forgive(_ name: MappingName) {
        let bucket = RouteHealth.bucket(at: Timestamp.now.microseconds / 1_000_000)
        health.forgive(name, at: bucket)
        redis.any.tell(
            ["HSET", .string(Self.forgivenKey), .string("\(name.provider) \(name.model)"), .integer(bucket)],
            deadline: Self.deadline
        ) { _ in }
    }

    private static func key(_ bucket: Int64) -> RedisArgument { .string("{routing}:counts:\(bucket)") }

    private func tell(_ counts: [MappingName: RouteCounts], in bucket: Int64) async throws(RedisError) {
        let connection = redis.any
        for (name, counts) in counts {
            for (kind, path) in RouteCounts.names where counts[keyPath: path] != 0 {
                connection.tell(
                    [
                        "HINCRBY", Self.key(bucket), .string("\(kind) \(name.provider) \(name.model)"),
                        .integer(counts[keyPath: path]),
                    ], deadline: Self.deadline
                ) { _ in }
            }
        }
        // The answer to the last says that those before it are through.
        let seconds = RouteHealth.bucketLength * (RouteHealth.buckets + 6)
        _ = try await connection.call(["EXPIRE", Self.key(bucket), .integer(seconds)], deadline: Self.deadline)
    }

    private func ask(
        _ now: Int64
    ) async throws(RedisError) -> ([Int64: [MappingName: RouteCounts]], forgiven: [MappingName: Int64]) {
        let connection = redis.any
        var counts: [Int64: [MappingName: RouteCounts]] = [:]
        for bucket in (now - RouteHealth.buckets + 1)...now where bucket >= now - 1 || !health.has(bucket) {
            counts[bucket] = Self.counts(
                in: try await connection.call(["HGETALL", Self.key(bucket)], deadline: Self.deadline))
        }
        var forgiven: [MappingName: Int64] = [:]
        let fields = try await connection.call(["HGETALL", .string(Self.forgivenKey)], deadline: Self.deadline)
        var old: [RedisArgument] = []
        for (field, value) in Self.pairs(fields) {
            guard let name = Self.name(Substring(field)) else { continue }
            if value > now - RouteHealth.buckets { forgiven[name] = value } else { old.append(.string(field)) }
        }
        if !old.isEmpty {
            _ = try await connection.call(["HDEL", .string(Self.forgivenKey)] + old, deadline: Self.deadline)
        }
        return (counts, forgiven)
    }

    private static func counts(in reply: RedisValue) -> [MappingName: RouteCounts] {
        var counts: [MappingName: RouteCounts] = [:]
        for (field, value) in pairs(reply) {
            guard let space = field.firstIndex(of: " "), let name = name(field[field.index(after: space)...]), value >= 0,
                let (_, path) = RouteCounts.names.first(where: { $0.0 == field[..<space] })
            else { continue }
            counts[name, default: RouteCounts()][keyPath: path] = value
        }
        return counts
    }

    private static func pairs(_ reply: RedisValue) -> [(String, Int64)] {
        let values = reply.array ?? []
        return stride(from: 0, to: values.count - 1, by: 2).compactMap { index in
            guard let field = values[index].string, let value = values[index + 1].int64 else { return nil }
            return (field, value)
        }
    }

    /// A model's name may have spaces, a provider's has none.
    private static func name(_ text: Substring) -> MappingName? {
        guard let space = text.firstIndex(of: " ") else { return nil }
        return MappingName(provider: String(text[..<space]), model: String(text[text.index(after: space)...]))
    }
}
