import Ledger
import Postgres
import Synchronization

/// Maps the digests of tokens to where they belong. What is found stays in memory; what is not found never does.
final class TokenDirectory: Sendable {
    private let postgres: PostgresClient
    private let cache: Mutex<LRUCache<[UInt8], KeyAddress>>
    private let strangers: Mutex<StrangerLimit>

    init(postgres: PostgresClient, capacity: Int, limit: StrangerLimit) {
        self.postgres = postgres
        cache = Mutex(LRUCache(capacity: capacity))
        strangers = Mutex(limit)
    }

    /// - Throws: ``AdmissionError`` with `tooManyUnknownTokens` when this client asked for too many that do not exist.
    func address(ofDigest digest: [UInt8], client: String) async throws(AdmissionError) -> KeyAddress? {
        if let known = cache.withLock({ $0.value(for: digest) }) { return known }
        guard strangers.withLock({ $0.take(client, now: .now) }) else {
            throw AdmissionError(.tooManyUnknownTokens, "too many unknown tokens came from this address")
        }
        do {
            let rows = try await postgres.query(
                "SELECT organization, project, api_key FROM admission.keys WHERE token_sha256 = $1",
                [.text(Hex.encode(digest))], deadline: .seconds(2))
            guard let row = rows.first else { return nil }
            let address = KeyAddress(
                organization: OrganizationID(uuid: try row.decode(0)), project: ProjectID(uuid: try row.decode(1)),
                key: APIKeyID(uuid: try row.decode(2)))
            cache.withLock { $0.set(address, for: digest) }
            strangers.withLock { $0.giveBack(client) }
            return address
        } catch {
            strangers.withLock { $0.giveBack(client) }
            throw AdmissionError(postgres: error)
        }
    }

    /// For a token that its key no longer has.
    func forget(_ digest: [UInt8]) { cache.withLock { $0.remove(digest) } }
}

/// How many unknown tokens each client address may try: so many at once, and so many a second in the long run.
struct StrangerLimit: Sendable {
    private struct Bucket: Sendable {
        var left: Double
        var at: ContinuousClock.Instant
    }

    private let burst: Double
    private let perSecond: Double
    private let capacity: Int
    private var buckets: [String: Bucket] = [:]

    init(burst: Int = 30, perSecond: Double = 1, capacity: Int = 10_000) {
        self.burst = Double(burst)
        self.perSecond = perSecond
        self.capacity = capacity
    }

    mutating func take(_ client: String, now: ContinuousClock.Instant) -> Bool {
        if buckets.count >= capacity && buckets[client] == nil { forgetTheFull(now) }
        var bucket = buckets[client] ?? Bucket(left: burst, at: now)
        bucket.left = refilled(bucket, now)
        bucket.at = now
        let allowed = bucket.left >= 1
        if allowed { bucket.left -= 1 }
        buckets[client] = bucket
        return allowed
    }

    mutating func giveBack(_ client: String) {
        guard let left = buckets[client]?.left else { return }
        buckets[client]?.left = min(burst, left + 1)
    }

    private func refilled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
        min(burst, bucket.left + (now - bucket.at) / .seconds(1) * perSecond)
    }

    /// Those who did nothing for a while lose nothing by it; when nobody is full, memory goes before memory of offences.
    private mutating func forgetTheFull(_ now: ContinuousClock.Instant) {
        buckets = buckets.filter { refilled($0.value, now) < burst }
        if buckets.count >= capacity { buckets.removeAll(keepingCapacity: true) }
    }
}
