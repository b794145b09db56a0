internal import Admission
internal import Ledger
internal import Logging
internal import Synchronization

/// Records refusals of known keys without letting a misbehaving client fill the ledger: the first per key, reason and
/// minute is an event at once, the rest of that minute one event with a count when the minute ends.
///
/// The first is of the refused request's own stream, so that whoever was told its id, or gave it one, finds it.
final class DenialRecorder: Sendable {
    /// What is counted together. Not by model: a client may write another one each time.
    private struct Key: Hashable {
        let apiKey: APIKeyID
        let reason: String
        let scope: String?
        let status: Int
        /// In which it was answered: a request that is refused while its body is read came a while before, and the minute of then
        /// may have been written.
        let minute: Int64
    }

    /// What came after the first.
    private struct Rest {
        var denial: RequestDenied
        let organization: OrganizationID
    }

    private let write: @Sendable (NewEvent) async throws -> Void
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let rests = Mutex<[Key: Rest]>([:])
    /// A client that varies what it does wrong is bounded too: beyond this many open counts denials only show in metrics.
    private static let openCountsLimit = 10_000

    /// - Parameter write: Appends one event.
    init(
        logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now },
        write: @escaping @Sendable (NewEvent) async throws -> Void
    ) {
        self.logger = logger
        self.now = now
        self.write = write
    }

    /// Records that `error` was answered to a request of `address`.
    ///
    /// - Parameters:
    ///   - metadata: What its client calls it.
    ///   - time: When it came.
    func record(
        _ error: GatewayError, model: String?, address: KeyAddress, request: RequestID, metadata: EventMetadata,
        at time: Timestamp
    ) async {
        let denial = RequestDenied(
            project: address.project, apiKey: address.key, reason: error.reason, scope: error.scope,
            model: model.map { String($0.prefix(200)) },
            status: error.status, count: 1)
        let key = Key(
            apiKey: address.key, reason: error.reason, scope: error.scope, status: error.status,
            minute: now().microseconds / 60_000_000)
        let isFirst = rests.withLock { rests in
            if let rest = rests[key] {
                // A count says a model only where it is that of all.
                let model = rest.denial.count == 0 || rest.denial.model == denial.model ? denial.model : nil
                rests[key]?.denial.model = model
                rests[key]?.denial.count += 1
                return false
            }
            guard rests.count < Self.openCountsLimit else { return false }
            var none = denial
            none.count = 0
            rests[key] = Rest(denial: none, organization: address.organization)
            return true
        }
        guard isFirst else { return }
        await append(
            denial, of: error.mayHold ? .mint() : request, organization: address.organization, metadata: metadata, at: time)
    }

    /// Appends the counts of minutes that have ended, every few seconds until cancelled, and all of them at the end.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            await flush(before: now().microseconds / 60_000_000)
        }
        await flush(before: .max)
    }

    /// Appends the counts of the minutes (of the epoch) before this one.
    func flush(before minute: Int64) async {
        let ended = rests.withLock { rests in
            let ended = rests.filter { $0.key.minute < minute }
            for key in ended.keys { rests[key] = nil }
            return ended
        }
        for (key, rest) in ended where rest.denial.count > 0 {
            // Of many requests, so of none of their streams.
            await append(
                rest.denial, of: .mint(), organization: rest.organization, metadata: EventMetadata(),
                at: Timestamp(microseconds: (key.minute + 1) * 60_000_000 - 1))
        }
    }

    private func append(
        _ denial: RequestDenied, of request: RequestID, organization: OrganizationID, metadata: EventMetadata, at time: Timestamp
    ) async {
        do {
            try await write(
                NewEvent(
                    denial, stream: .request(request), expectedVersion: 0, organization: organization, metadata: metadata,
                    occurredAt: time))
        } catch {
            logger.warning("a denial could not be recorded", metadata: ["error": "\(error)"])
        }
    }
}
