import Ledger
import Logging
import Redis
import Synchronization

/// Builds all organizations anew in the background after a loss of Redis, so that the first request of each need not wait.
final class Sweeper: Sendable {
    private let store: AdmissionStore
    private let healer: Healer
    private let logger: Logger
    /// What could not be built when last tried, in which epoch.
    private let left = Mutex(Left())

    private struct Left: Sendable {
        var epoch: Int64 = 0
        var organizations: Set<OrganizationID> = []
    }

    init(store: AdmissionStore, healer: Healer, logger: Logger) {
        self.store = store
        self.healer = healer
        self.logger = logger
    }

    /// Looks whether there is something to do, and does it unless another process is at it.
    ///
    /// Organizations that can't be built twice running are left to their requests: everything would be gone through for them for ever.
    /// - Returns: false when organizations are left that could not be built, and are tried again.
    @discardableResult
    func sweep() async throws(AdmissionError) -> Bool {
        let connection = store.any
        let keys = ServerKeys(ledger: try await store.epochs.ledgerID())
        var marker = try await store.trust.marker(keys, on: connection)
        let record = try await store.epochs.record()
        if store.trust.isRefused || marker.runID == nil || marker.runID != record.runID || marker.epoch != record.epoch {
            try await store.trust.establish(on: connection)
            marker = try await store.trust.marker(keys, on: connection)
        }
        guard !marker.isComplete, let epoch = marker.epoch, let runID = marker.runID else { return true }
        let token = RequestID.mint().uuid.lowercase
        guard try await claim(keys, token, on: connection) else { return true }
        var last: OrganizationID?
        var failures: Set<OrganizationID> = []
        var count = 0
        while true {
            let page = try await organizations(after: last)
            guard let end = page.last else { break }
            failures.formUnion(await heal(page, epoch))
            count += page.count
            last = end
            guard try await renew(keys, token, on: connection), try await store.trust.marker(keys, on: connection).epoch == epoch
            else { return true }
        }
        let isDone = hasOnlyOldFailures(failures, of: count, epoch)
        if isDone {
            for organization in failures.sorted() {
                guard try await renew(keys, token, on: connection) else { return true }
                try await giveUp(organization)
            }
            _ = try await connection.call(.complete, keys: [keys.server], [.string(runID), .integer(epoch)])
            logger.info(
                "Redis holds every organization again",
                metadata: ["organizations": "\(count)", "left": "\(failures.count)", "epoch": "\(epoch)"])
        }
        _ = try await connection.command(["DEL", .string(keys.sweeping)])
        return isDone
    }

    /// More than these have something in common that will end, such as a Redis that is full.
    private static let mostGivenUp = 100

    /// Whether nothing failed, or nothing but what did the last time while others could be built.
    private func hasOnlyOldFailures(_ failures: Set<OrganizationID>, of count: Int, _ epoch: Int64) -> Bool {
        left.withLock { left in
            let before = left.epoch == epoch ? left.organizations : []
            left = Left(epoch: epoch, organizations: failures)
            return failures.isEmpty
                || (count == 1 || failures.count < min(count, Self.mostGivenUp)) && failures.isSubset(of: before)
        }
    }

    /// What stands in Redis of it lacks events for all anybody knows, and a request that holds nothing is admitted by it: an epoch
    /// of an organization's own reaches it with the organization's events, and it is trusted no more.
    private func giveUp(_ organization: OrganizationID) async throws(AdmissionError) {
        _ = try await store.epochs.start(organization: organization, reason: "state_not_built")
        logger.error(
            "an organization's admission state is left to its requests", metadata: ["organization": "\(organization)"])
    }

    private static let page: Int32 = 200
    private static let width = 4
    private static let claimMilliseconds: Int64 = 10_000

    private func claim(_ keys: ServerKeys, _ token: String, on connection: any AdmissionConnection) async throws(AdmissionError)
        -> Bool
    {
        let answer = try await connection.command(
            ["SET", .string(keys.sweeping), .string(token), "NX", "PX", .integer(Self.claimMilliseconds)])
        return !answer.isNull
    }

    private func renew(_ keys: ServerKeys, _ token: String, on connection: any AdmissionConnection) async throws(AdmissionError)
        -> Bool
    {
        guard try await connection.command(["GET", .string(keys.sweeping)]).string == token else { return false }
        _ = try await connection.command(["PEXPIRE", .string(keys.sweeping), .integer(Self.claimMilliseconds)])
        return true
    }

    private func organizations(after last: OrganizationID?) async throws(AdmissionError) -> [OrganizationID] {
        do { return try await store.reads.organizations(after: last, limit: Self.page) } catch {
            throw AdmissionError(postgres: error)
        }
    }

    /// - Returns: those that could not be healed.
    private func heal(_ page: [OrganizationID], _ epoch: Int64) async -> Set<OrganizationID> {
        await withTaskGroup(of: OrganizationID?.self) { group in
            var waiting = page.makeIterator()
            for _ in 0..<Self.width {
                if let next = waiting.next() { group.addTask { await self.failing(next, epoch) } }
            }
            var failures: Set<OrganizationID> = []
            for await failure in group {
                if let failure { failures.insert(failure) }
                if let next = waiting.next() { group.addTask { await self.failing(next, epoch) } }
            }
            return failures
        }
    }

    /// - Returns: the organization when it could not be healed.
    private func failing(_ organization: OrganizationID, _ epoch: Int64) async -> OrganizationID? {
        await healer.heal(organization, atLeast: epoch, within: .seconds(2)) == .failed ? organization : nil
    }
}
