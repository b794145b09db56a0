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

    /// Without credits: enough to try it.
    public static let withoutCredits = FreeLimit(requests: 5, seconds: 600)
    /// With credits.
    public static let withCredits = FreeLimit(requests: 20, seconds: 60)

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
        if redis.call('ZSCORE', KEYS[1], ARGV[3]) then return 0 end
        local now = redis.call('TIME')
        local time = now[1] * 1000000 + now[2]
        local window = tonumber(ARGV[2]) * 1000000
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time - window)
        if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then
            redis.call('ZADD', KEYS[1], time, ARGV[3])
            redis.call('PEXPIRE', KEYS[1], window / 1000)
            return 0
        end
        local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
        return math.ceil((oldest[2] + window - time) / 1000000)
        """

    /// - Returns: Nil when the request may go on, else the seconds until one may.
    func wait(
        for model: String, of organization: OrganizationID, request: RequestID, limit: FreeLimit, on eventLoop: any EventLoop
    ) async -> Int? {
        guard limit.requests > 0 else { return nil }
        let answer = try? await redis.connection(for: eventLoop).call(
            [
                "EVAL", .string(Self.script), .integer(1), .string("{\(organization)}:free:\(model)"), .integer(limit.requests),
                .integer(limit.seconds), .string(request.description),
            ], deadline: Self.deadline)
        guard let seconds = answer?.int64, seconds > 0 else { return nil }
        return Int(clamping: seconds)
    }
}
