internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// Whose usage is asked for.
enum UsageScope: Sendable {
    case project(ProjectID)
    case organizations([OrganizationID])

    /// A condition over `usage.hours`, with its value as the first parameter.
    var condition: (sql: String, value: PostgresValue) {
        switch self {
        case .project(let project): ("h.project = ANY ($1::uuid[])", .uuidArray([project.uuid]))
        case .organizations(let ids): ("h.organization = ANY ($1::uuid[])", .uuidArray(ids.map(\.uuid)))
        }
    }
}

/// What one model did on one day, or on all of it.
struct ActivityRecord: Sendable {
    let day: String
    let model: String
    let provider: String
    let requests: Int64
    let errors: Int64
    let cacheHits: Int64
    let promptTokens: Int64
    let completionTokens: Int64
    let charged: NanoDollars
    let input: NanoDollars
    let output: NanoDollars
    let request: NanoDollars

    init(_ row: PostgresRow) throws {
        func count(_ column: Int) throws -> Int64 { try row.decode(column) }
        func amount(_ column: Int) throws -> NanoDollars { NanoDollars(try row.decode(column, as: Int64.self)) }
        (day, model, provider) = (try row.decode(0), try row.decode(1), try row.decode(2))
        (requests, errors, cacheHits) = (try count(3), try count(4), try count(5))
        (promptTokens, completionTokens) = (try count(6), try count(7))
        (charged, input, output, request) = (try amount(8), try amount(9), try amount(10), try amount(11))
    }
}

extension Management {
    /// Usage by day (UTC), model and provider, oldest day first. Images that were sent count as input, drawn ones as output.
    ///
    /// - Parameter days: How many days, today being the last.
    func activity(_ scope: UsageScope, days: Int64) async throws(WebError) -> [ActivityRecord] {
        let (condition, value) = scope.condition
        return try await rows(
            """
            SELECT to_char(h.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, h.model, h.provider, sum(h.requests)::bigint,
                sum(h.errors)::bigint, sum(h.cache_hits)::bigint, sum(h.prompt_tokens)::bigint,
                sum(h.completion_tokens)::bigint, sum(h.charged)::bigint,
                sum(h.price_input + h.price_cached_input + h.price_cache_write + h.price_image)::bigint,
                sum(h.price_output + h.price_reasoning + h.price_other)::bigint, sum(h.price_request)::bigint
            FROM usage.hours AS h
            WHERE \(condition) AND h.hour >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
                - make_interval(days => $2::integer - 1)
            GROUP BY 1, 2, 3
            HAVING sum(h.requests) > 0
            ORDER BY 1, 2, 3
            """, [value, .int4(Int32(clamping: days))], ActivityRecord.init)
    }

    /// The models and the providers that were used in the last year.
    func used(_ scope: UsageScope) async throws(WebError) -> (models: [String], providers: [String]) {
        let (condition, value) = scope.condition
        let found = try await rows(
            """
            SELECT DISTINCT h.model, h.provider FROM usage.hours AS h
            WHERE \(condition) AND h.hour >= now() - interval '366 days' AND h.requests > 0
            """, [value], { (model: try $0.decode(0, as: String.self), provider: try $0.decode(1, as: String.self)) })
        return (
            Set(found.map(\.model)).subtracting([""]).sorted(), Set(found.map(\.provider)).subtracting([""]).sorted()
        )
    }
}
