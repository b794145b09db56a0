internal import Admission
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Postgres
internal import Redis

/// `GET /`: whether Postgres and Redis answer, really asked, each within two seconds, whether Redis is the one that the ledger trusts,
/// whether what this process would record has a place, and which read models are late.
struct HealthRoute: Sendable {
    let gateway: Gateway

    private struct Dependency: Encodable, Sendable {
        let connected: Bool
        var error: String?
    }

    private struct LedgerState: Encodable, Sendable {
        let protected: Bool
        let writable: Bool
    }

    private struct SpoolState: Encodable, Sendable {
        let writable: Bool
    }

    private struct Health: Encodable, Sendable {
        let status: String
        let database: Dependency
        let ledger: LedgerState
        let redis: Dependency
        let spool: SpoolState
        /// The read models that are late; nil where none is.
        let projections: [String]?
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
            let ((database, late), redis) = await (askedDatabase, askedRedis)
            let ledger = ledgerState()
            let spool = SpoolState(writable: gateway.outcomes.isSpoolWritable)
            let isHealthy = database.connected && redis.connected && ledger.writable && spool.writable
            // Requests go on as ever: what is old are the answers of who asks about them.
            let health = Health(
                status: !isHealthy ? "unhealthy" : late.isEmpty ? "healthy" : "degraded", database: database,
                ledger: ledger, redis: redis, spool: spool, projections: late.isEmpty ? nil : late)
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

    /// A database that is read may take nothing all the same. Nothing is written for it: the appender and the lease know.
    private func ledgerState() -> LedgerState {
        LedgerState(
            protected: gateway.configuration.isLedgerProtected,
            writable: gateway.appender.isReady && gateway.lease.mayAdmit)
    }

    private func database() async -> (Dependency, late: [String]) {
        do {
            let models = ReadModels(names: gateway.configuration.projections)
            return (Dependency(connected: true), try await models.late(gateway.postgres, deadline: .seconds(2)))
        } catch {
            // The error's own text may name hosts and roles; a health page is public.
            return (Dependency(connected: false, error: "Connection failed"), [])
        }
    }

    private func redis(_ context: GatewayRequestContext) async -> Dependency {
        // It answers as ever, and nothing is admitted by it.
        guard !gateway.admission.isSuperseded else { return Dependency(connected: false, error: "Replaced by another Redis") }
        do {
            _ = try await gateway.redis.connection(for: context.eventLoop).call(["PING"], deadline: .seconds(2))
            return Dependency(connected: true)
        } catch {
            return Dependency(
                connected: false, error: error.code == .deadlineExceeded ? "Connection timeout" : "Connection failed")
        }
    }
}
