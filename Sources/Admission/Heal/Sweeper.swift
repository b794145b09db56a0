import Ledger
import Logging
import Redis

/// Builds all organizations anew in the background after a loss of Redis, so that the first request of each need not wait.
struct Sweeper: Sendable {
    let store: AdmissionStore
    let healer: Healer
    let logger: Logger

    /// Looks whether there is something to do, and does it unless another process is at it.
    /// - Returns: false when organizations are left that could not be built.
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
        var failures = 0
        var count = 0
        while true {
            let page = try await organizations(after: last)
            guard let end = page.last else { break }
            failures += await heal(page, epoch)
            count += page.count
            last = end
            guard try await renew(keys, token, on: connection), try await store.trust.marker(keys, on: connection).epoch == epoch
            else { return true }
        }
        if failures == 0 {
            _ = try await connection.call(.complete, keys: [keys.server], [.string(runID), .integer(epoch)])
            logger.info("Redis holds every organization again", metadata: ["organizations": "\(count)", "epoch": "\(epoch)"])
        }
        _ = try await connection.command(["DEL", .string(keys.sweeping)])
        return failures == 0
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

    /// - Returns: how many could not be healed.
    private func heal(_ page: [OrganizationID], _ epoch: Int64) async -> Int {
        await withTaskGroup(of: Healer.Outcome.self) { group in
            var waiting = page.makeIterator()
            for _ in 0..<Self.width {
                if let next = waiting.next() { group.addTask { await healer.heal(next, atLeast: epoch, within: .seconds(2)) } }
            }
            var failures = 0
            for await outcome in group {
                if outcome == .failed { failures += 1 }
                if let next = waiting.next() { group.addTask { await healer.heal(next, atLeast: epoch, within: .seconds(2)) } }
            }
            return failures
        }
    }
}
