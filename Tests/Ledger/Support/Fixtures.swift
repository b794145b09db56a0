import Foundation
import Ledger
import Money
import Postgres
import TestSupport

/// Runs a test with an appender that runs.
func withAppender<R: Sendable>(
    _ configuration: PostgresConfiguration, maximumBatch: Int = 128, queueLimit: Int = 16_384, signal: LedgerSignal? = nil,
    _ body: (Appender) async throws -> R
) async throws -> R {
    let appender = Appender(
        configuration: configuration, maximumBatch: maximumBatch, queueLimit: queueLimit, signal: signal, logger: quietLogger)
    let writer = Task { try await appender.run() }
    do {
        let result = try await body(appender)
        await appender.shutdown()
        try await writer.value
        return result
    } catch {
        await appender.shutdown()
        _ = try? await writer.value
        throw error
    }
}

/// Lends a pool and closes it.
func withClient<R: Sendable>(
    _ configuration: PostgresConfiguration, _ body: (PostgresClient) async throws -> R
) async throws -> R {
    try await PostgresClient(configuration, maximumConnections: 4, logger: quietLogger).use(body)
}

/// Who and what the events of a test are about.
struct Cast: Sendable {
    /// A count of every kind that is written only where there is something to count.
    static let usage = TokenUsage(
        promptTokens: 9, completionTokens: 8, cacheWriteTokens: 7, cacheWriteHourTokens: 6, images: 5, imageOutputTokens: 4,
        generatedImages: 3, imageInputTokens: 2)

    let organization = OrganizationID.mint()
    let project = ProjectID.mint()
    let key = APIKeyID.mint()
    let instance = InstanceID.mint()

    func authorized(epoch: Int64 = 2, held: Int64 = 1_000_000) -> RequestAuthorized {
        RequestAuthorized(
            instance: instance, epoch: epoch, admittedAt: .now, project: project, apiKey: key, requestedModel: "gpt-4o",
            model: "gpt-4o", provider: "openai", stream: false, held: NanoDollars(held), strict: true)
    }

    func authorization(of request: RequestID, epoch: Int64? = 2) throws -> NewEvent {
        try NewEvent(
            authorized(epoch: epoch ?? 2), stream: .request(request), expectedVersion: 0, organization: organization, epoch: epoch
        )
    }

    func outcome(charged: Int64 = 750_000) throws -> Outcome {
        let price = try Bill(lines: [
            try PriceLine(component: "input", quantity: 100, unit: "token", price: PicoDollars(2_500_000)),
            try PriceLine(component: "output", quantity: 50, unit: "token", price: PicoDollars(10_000_000)),
        ])
        return Outcome(
            instance: instance, project: project, apiKey: key, requestedModel: "gpt-4o", model: "gpt-4o", provider: "openai",
            upstreamModel: "gpt-4o-2024-08-06", stream: false, cached: false, estimated: false, status: 200, error: nil,
            finishReason: "stop", unifiedFinishReason: "stop",
            attempts: [Attempt(provider: "openai", model: "gpt-4o-2024-08-06", status: 200, error: nil, durationMS: 431)],
            usage: TokenUsage(promptTokens: 100, completionTokens: 50), catalogueVersion: "c0ffee", credential: .house,
            price: price, cost: price, held: NanoDollars(1_000_000), charged: NanoDollars(charged), overrun: .zero,
            durationMS: 440, timeToFirstTokenMS: nil, admittedAt: .now)
    }

    func completion(of request: RequestID, expectedVersion: Int64 = 1) throws -> NewEvent {
        try NewEvent(
            RequestCompleted(outcome: outcome()), stream: .request(request), expectedVersion: expectedVersion,
            organization: organization)
    }

    func abandonment(of request: RequestID) throws -> NewEvent {
        try NewEvent(
            RequestAbandoned(of: authorized(), reason: "lease_expired", durationMS: 60_000), stream: .request(request),
            expectedVersion: 1, organization: organization)
    }

    func grant(_ amount: Int64 = 1_000_000_000, expectedVersion: Int64? = nil) throws -> NewEvent {
        try NewEvent(
            CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(amount)), stream: .credit(organization),
            expectedVersion: expectedVersion, organization: organization)
    }
}

/// A folder of a test's own.
func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = NSTemporaryDirectory() + "/ledger-test-\(UUID().uuidString.prefix(13))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
