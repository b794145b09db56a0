internal import Admission
internal import Dialects
internal import Ledger
internal import Logging
internal import Synchronization

/// Records refusals of known keys without letting a misbehaving client fill the ledger: the first per key, reason and
/// minute is an event at once, the rest of that minute one event with a count when the minute ends.
final class DenialRecorder: Sendable {
    private struct Key: Hashable {
        let apiKey: APIKeyID
        let reason: String
        let minute: Int64
    }

    private struct Repeated {
        var denial: RequestDenied
        let organization: OrganizationID
        var count: Int64
    }

    private let appender: Appender
    private let logger: Logger
    private let repeated = Mutex<[Key: Repeated]>([:])
    /// A client that varies what it does wrong is bounded too: beyond this many open counts denials only show in metrics.
    private static let openCountsLimit = 10_000

    init(appender: Appender, logger: Logger) {
        self.appender = appender
        self.logger = logger
    }

    /// Records that `error` was answered to a request of `address`.
    func record(_ error: GatewayError, model: String?, address: KeyAddress, at time: Timestamp) async {
        let denial = RequestDenied(
            project: address.project, apiKey: address.key, reason: error.code, scope: error.scope,
            model: model.map { String($0.prefix(200)) },
            status: error.status, count: 1)
        let key = Key(apiKey: address.key, reason: error.code, minute: time.microseconds / 60_000_000)
        let isFirst = repeated.withLock { repeated in
            if repeated[key] != nil {
                repeated[key]?.count += 1
                return false
            }
            guard repeated.count < Self.openCountsLimit else { return false }
            repeated[key] = Repeated(denial: denial, organization: address.organization, count: 0)
            return true
        }
        if isFirst { await append(denial, organization: address.organization, at: time) }
    }

    /// Appends the counts of minutes that have ended, every few seconds until cancelled, and all of them at the end.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            await flush(before: Timestamp.now.microseconds / 60_000_000)
        }
        await flush(before: .max)
    }

    private func flush(before minute: Int64) async {
        let ended = repeated.withLock { repeated in
            let ended = repeated.filter { $0.key.minute < minute }
            for key in ended.keys { repeated[key] = nil }
            return ended
        }
        for (key, value) in ended where value.count > 0 {
            var denial = value.denial
            denial.count = value.count
            await append(denial, organization: value.organization, at: Timestamp(microseconds: (key.minute + 1) * 60_000_000 - 1))
        }
    }

    private func append(_ denial: RequestDenied, organization: OrganizationID, at time: Timestamp) async {
        do {
            let event = try NewEvent(
                denial, stream: .request(.mint()), expectedVersion: 0, organization: organization, occurredAt: time)
            _ = try await appender.append(Command(event))
        } catch {
            logger.warning("a denial could not be recorded", metadata: ["error": "\(error)"])
        }
    }
}
