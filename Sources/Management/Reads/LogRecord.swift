internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// A request as the read model has it.
struct LogRecord: Sendable {
    static let columns = """
        r.request, r.organization, r.project, r.api_key, r.created_at, r.settled_at, r.status, r.requested_model, r.model,
        r.provider, r.upstream_model, r.stream, r.cached, r.estimated, r.http_status, r.finish_reason, r.unified_finish_reason,
        r.error_type, r.error_code, r.duration_ms, r.time_to_first_token_ms, r.prompt_tokens, r.cached_tokens,
        r.cache_write_tokens, r.completion_tokens, r.reasoning_tokens, r.charged, r.cost, r.held, r.client_request_id, r.source,
        r.credential, r.provider_key
        """

    let request: Ledger.RequestID
    let createdAt: Timestamp
    private let members: [(String, WebValue)]

    var cursor: LogCursor { LogCursor(time: createdAt.microseconds, id: request) }

    /// - Parameters:
    ///   - headers: The application's own, without their prefix.
    ///   - bodies: Where one request is asked for; nil leaves them out.
    func json(headers: [String: String]?, bodies: LogBodies? = nil) -> WebValue {
        var members = members
        let sorted = (headers ?? [:]).sorted { $0.key < $1.key }
        members.append(("customHeaders", .object(sorted.map { ($0.key, .string($0.value)) })))
        if let bodies {
            members.append(("requestBody", .string(optional: bodies.request)))
            members.append(("responseBody", .string(optional: bodies.response)))
            members.append(("upstreamRequest", .string(optional: bodies.upstreamRequest)))
            members.append(("upstreamResponse", .string(optional: bodies.upstreamResponse)))
        }
        return .object(members)
    }

    init(_ row: PostgresRow, first: Int) throws {
        func text(_ column: Int) throws -> WebValue { .string(optional: try row.decode(first + column, as: String?.self)) }
        func count(_ column: Int) throws -> WebValue { .integer(optional: try row.decode(first + column, as: Int64?.self)) }
        func flag(_ column: Int) throws -> WebValue { .bool(try row.decode(first + column, as: Bool?.self) ?? false) }
        func amount(_ column: Int) throws -> WebValue {
            .amount(try row.decode(first + column, as: Int64?.self).map(NanoDollars.init))
        }
        request = Ledger.RequestID(uuid: try row.decode(first))
        createdAt = Timestamp(microseconds: try row.decode(first + 4, as: PostgresTimestamp.self).microseconds)
        let settled: PostgresTimestamp? = try row.decode(first + 5)
        let status: String = try row.decode(first + 6)
        let model: String? = try row.decode(first + 8)
        let provider: String? = try row.decode(first + 9)
        let httpStatus: Int32? = try row.decode(first + 14)
        let prompt: Int64? = try row.decode(first + 21)
        let completion: Int64? = try row.decode(first + 24)
        let credential: String? = try row.decode(first + 31)
        let providerKey: UUID? = try row.decode(first + 32)
        members = [
            ("id", .id(request)), ("requestId", .id(request)), ("createdAt", .time(createdAt)),
            ("updatedAt", .time(settled.map { Timestamp(microseconds: $0.microseconds) } ?? createdAt)),
            ("organizationId", .id(OrganizationID(uuid: try row.decode(first + 1)))),
            ("projectId", .id(ProjectID(uuid: try row.decode(first + 2)))),
            ("apiKeyId", .id(APIKeyID(uuid: try row.decode(first + 3)))), ("status", .string(status)),
            ("requestedModel", try text(7)),
            ("usedModel", .string(optional: model.map { model in provider.map { "\($0)/\(model)" } ?? model })),
            ("usedProvider", .string(optional: provider)), ("usedModelMapping", try text(10)),
            ("streamed", try flag(11)), ("cached", try flag(12)), ("estimatedCost", try flag(13)),
            ("hasError", .bool(status == "failed")), ("canceled", .bool(status == "cancelled")),
            ("statusCode", .integer(optional: httpStatus.map(Int64.init))), ("finishReason", try text(15)),
            ("unifiedFinishReason", try text(16)), ("errorType", try text(17)), ("errorCode", try text(18)),
            ("duration", try count(19)), ("timeToFirstToken", try count(20)),
            ("promptTokens", .integer(optional: prompt)), ("cachedTokens", try count(22)), ("cacheWriteTokens", try count(23)),
            ("completionTokens", .integer(optional: completion)), ("reasoningTokens", try count(25)),
            ("totalTokens", .integer(optional: prompt.map { $0 + (completion ?? 0) })), ("cost", try amount(26)),
            ("providerCost", try amount(27)), ("held", try amount(28)), ("clientRequestId", try text(29)),
            ("source", try text(30)),
            ("usedMode", .string(optional: credential.map { $0 == "organization" ? "api-keys" : "credits" })),
            ("providerKeyId", .id(providerKey.map(ProviderKeyID.init(uuid:)))),
        ]
    }
}
