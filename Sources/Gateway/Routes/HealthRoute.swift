internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Postgres
internal import Redis

/// `GET /`: whether Postgres and Redis answer, really asked, each within two seconds.
struct HealthRoute: Sendable {
    let gateway: Gateway

    private struct Dependency: Encodable, Sendable {
        let connected: Bool
        var error: String?
    }

    private struct Health: Encodable, Sendable {
        let status: String
        let database: Dependency
        let redis: Dependency
    }

    private struct Answer: Encodable, Sendable {
        let message: String
        let version: String
        let health: Health
    }

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/") { _, context in
            async let askedDatabase = database()
            async let askedRedis = redis(context)
            let (database, redis) = await (askedDatabase, askedRedis)
            let isHealthy = database.connected && redis.connected
            let health = Health(status: isHealthy ? "healthy" : "unhealthy", database: database, redis: redis)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let books = gateway.configuration.keepsBooks ? "" : " without books: nothing is charged"
            let body = try encoder.encode(
                Answer(
                    message: "LLM Gateway API is running" + books, version: gateway.configuration.version, health: health))
            return Response(
                status: isHealthy ? .ok : .serviceUnavailable, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: body)))
        }
    }

    /// The outbox of the gateway counts too: an instance whose ledger is closed to it is not healthy.
    private func database() async -> Dependency {
        do {
            _ = try await gateway.postgres.query("SELECT 1", deadline: .seconds(2))
            return Dependency(connected: true)
        } catch {
            // The error's own text may name hosts and roles; a health page is public.
            return Dependency(connected: false, error: "Connection failed")
        }
    }

    private func redis(_ context: GatewayRequestContext) async -> Dependency {
        do {
            _ = try await gateway.redis.connection(for: context.eventLoop).call(["PING"], deadline: .seconds(2))
            return Dependency(connected: true)
        } catch {
            return Dependency(
                connected: false, error: error.code == .deadlineExceeded ? "Connection timeout" : "Connection failed")
        }
    }
}
