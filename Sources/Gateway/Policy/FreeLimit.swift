internal import Catalogue
internal import Ledger
internal import NIOCore
internal import Redis

/// How many requests for free models an organization may make in a while.
public struct FreeLimit: Sendable, Hashable {
    public var requests: Int64
    public var seconds: Int64

    public init(requests: Int64, seconds: Int64) {
        self.requests = requests
        self.seconds = seconds
    }

    /// Reads `5/600`: requests in seconds; `0` is none at all, and is nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 1, text == "0" {
            self.init(requests: 0, seconds: 1)
            return
        }
        guard parts.count == 2, let requests = Int64(parts[0]), let seconds = Int64(parts[1]), (1...1_000_000).contains(requests),
            (1...86_400).contains(seconds)
        else { return nil }
        self.init(requests: requests, seconds: seconds)
    }
}

/// How often an organization may ask for a free model, by what the catalogue says of that and by whether there are credits.
public struct FreeLimits: Sendable, Hashable {
    public var low = FreeLimit(requests: 20, seconds: 60)
    /// Enough to try it.
    public var lowWithoutCredits = FreeLimit(requests: 5, seconds: 600)
    public var high = FreeLimit(requests: 100, seconds: 60)
    public var highWithoutCredits = FreeLimit(requests: 50, seconds: 600)

    public init() {}

    func limit(of kind: FreeLimitKind, hasCredits: Bool) -> FreeLimit {
        switch kind {
        case .low: hasCredits ? low : lowWithoutCredits
        case .high: hasCredits ? high : highWithoutCredits
        }
    }
}

/// Counts the requests for free models of each organization, over a window that slides, in Redis for all gateways.
///
/// What nobody pays for is limited by this alone. It protects the house's accounts and is no limit that anybody set for money, so
/// where Redis does not answer the request goes on.
struct FreeWindow: Sendable {
    let redis: RedisClient

    private static let deadline: Duration = .milliseconds(200)

    /// The times of the requests within the window are the members of a sorted set; a request that is refused is none of them, and
    /// one that is admitted anew is counted already.
    private static let script = """
        local now = redis.call('TIME')
        local time = now[1] * 1000000 + now[2]
        local window = tonumber(ARGV[2]) * 1000000
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time - window)
        local counted = redis.call('ZCARD', KEYS[1])
        if redis.call('ZSCORE', KEYS[1], ARGV[3]) then return { counted, 0, 0 } end
        if counted < tonumber(ARGV[1]) then
            redis.call('ZADD', KEYS[1], time, ARGV[3])
            redis.call('PEXPIRE', KEYS[1], window / 1000)
            return { counted + 1, 0, 0 }
        end
        local free = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + window
        return { counted, math.ceil((free - time) / 1000000), math.ceil(free / 1000000) }
        """

    /// Counts the request where it may go on.
    ///
    /// - Returns: Nil where nobody limits it, or nobody can tell.
    func use(
        of model: String, by organization: OrganizationID, request: RequestID, limit: FreeLimit, on eventLoop: any EventLoop
    ) async -> FreeUse? {
        guard limit.requests > 0 else { return nil }
        let answer = try? await redis.connection(for: eventLoop).call(
            [
                "EVAL", .string(Self.script), .integer(1), .string("{\(organization)}:free:\(model)"), .integer(limit.requests),
                .integer(limit.seconds), .string(request.description),
            ], deadline: Self.deadline)
        let numbers = answer?.array?.compactMap(\.int64) ?? []
        guard numbers.count == 3 else { return nil }
        return FreeUse(
            limit: limit.requests, remaining: max(0, limit.requests - numbers[0]),
            wait: numbers[1] > 0 ? Int(clamping: numbers[1]) : nil, resetsAt: numbers[2])
    }
}
