internal import Hummingbird
internal import Ledger
internal import Money
internal import Web

extension ManagementRoutes {
    /// `GET /activity`: requests, tokens and cost by day, each with its models.
    func addActivity(to router: Router<WebContext>) {
        router.get("/activity") { request, context in
            let caller = try await caller(request, context)
            guard let text = request.parameter("days"), let days = Int64(text), (1...366).contains(days) else {
                throw WebError.invalid("days", "days must be 1 to 366.")
            }
            let scope = try await usageScope(of: request, by: caller)
            let asOf = try await management.asOf("usage")
            let records = try await management.activity(scope, days: days)
            var activity: [WebValue] = []
            for day in records.reduce(into: [String](), { if $0.last != $1.day { $0.append($1.day) } }) {
                activity.append(try Self.day(day, records.filter { $0.day == day }))
            }
            return Response.json(["activity": .array(activity), "as_of": asOf])
        }
    }

    private static func day(_ day: String, _ models: [ActivityRecord]) throws(WebError) -> WebValue {
        func total(_ figure: KeyPath<ActivityRecord, Int64>) -> Int64 { models.reduce(0) { $0 + $1[keyPath: figure] } }
        func amount(_ figure: KeyPath<ActivityRecord, NanoDollars>) -> WebValue {
            .amount(NanoDollars(models.reduce(0) { $0 + $1[keyPath: figure].rawValue }))
        }
        let (requests, errors, hits) = (total(\.requests), total(\.errors), total(\.cacheHits))
        return [
            "date": .string(day), "requestCount": .integer(requests), "inputTokens": .integer(total(\.promptTokens)),
            "outputTokens": .integer(total(\.completionTokens)),
            "totalTokens": .integer(total(\.promptTokens) + total(\.completionTokens)), "cost": amount(\.charged),
            "inputCost": amount(\.input), "outputCost": amount(\.output), "requestCost": amount(\.request),
            "errorCount": .integer(errors), "errorRate": percent(errors, of: requests), "cacheCount": .integer(hits),
            "cacheRate": percent(hits, of: requests),
            "modelBreakdown": .array(
                models.map {
                    [
                        "id": .string($0.model), "provider": .string($0.provider), "requestCount": .integer($0.requests),
                        "inputTokens": .integer($0.promptTokens), "outputTokens": .integer($0.completionTokens),
                        "totalTokens": .integer($0.promptTokens + $0.completionTokens), "cost": .amount($0.charged),
                    ]
                }),
        ]
    }

    /// With two places, as a JSON number.
    private static func percent(_ part: Int64, of whole: Int64) -> WebValue {
        let hundredths = whole > 0 ? (part * 10_000 + whole / 2) / whole : 0
        let rest = hundredths % 100
        return .raw(Array("\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)".utf8))
    }
}
