internal import Finance
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Money
internal import Synchronization
internal import Web

/// What finance asks of an organization's books: the same as the commands `balance`, `statement` and `journal` answer.
extension BillingRoutes {
    private static let page: Int64 = 100
    private static let largestPage: Int64 = 1_000

    func addBooks(to router: Router<WebContext>) {
        addGrants(to: router)
        router.get("/orgs/:id/balance") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"), isOwnersAlone: false)
            let balance = try await read { finance throws(FinanceError) in
                try await finance.balance(of: asked.organization, try Self.view(request))
            }
            return Response.json(balance.json)
        }
        router.get("/orgs/:id/statement") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"), isOwnersAlone: false)
            let (from, to) = (try Self.time(request, "from"), try Self.time(request, "to"))
            let statement = try await read { finance throws(FinanceError) in
                try await finance.statement(of: asked.organization, from: from, to: to)
            }
            if request.parameter("format") == "csv" { return csv(statement) }
            return try await page(of: statement, request)
        }
        router.get("/orgs/:id/journal") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"), isOwnersAlone: false)
            let limit = try Self.limit(request)
            let cursor = try Self.cursor(request)
            let account = request.parameter("account")
            let to = try Self.time(request, "to")
            let found = try await read { finance throws(FinanceError) in
                var upTo = try await finance.head()
                if let to { upTo = try await finance.position(at: to) }
                return try await finance.journal(
                    of: asked.organization, account: account, after: cursor ?? (0, .max), upTo: upTo, limit: limit + 1)
            }
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last.map { "\($0.position).\($0.line)" } : nil
            return Response.json([
                "postings": .array(shown.map(\.json)), "pagination": Self.pagination(next, limit),
            ])
        }
    }

    /// `GET /orgs/{id}/grants`: by age.
    private func addGrants(to router: Router<WebContext>) {
        router.get("/orgs/:id/grants") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"), isOwnersAlone: false)
            let limit = try Self.limit(request)
            let isOpen: Bool
            switch request.parameter("open") {
            case nil, "false": isOpen = false
            case "true": isOpen = true
            default: throw WebError.invalid("open", "open must be true or false.")
            }
            let after = try Self.number(request, "cursor", in: 1...Int64.max) ?? 0
            let found = try await read { finance throws(FinanceError) in
                try await finance.grants(of: asked.organization, isOpen: isOpen, after: after, limit: limit + 1)
            }
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last.map { String($0.position) } : nil
            return Response.json(["grants": .array(shown.map(\.json)), "pagination": Self.pagination(next, limit)])
        }
    }

    private func page(of statement: Statement, _ request: Request) async throws(WebError) -> Response {
        let limit = try Self.limit(request)
        let position = try Self.number(request, "cursor", in: 1...Int64.max)
        let found = try await read { finance throws(FinanceError) in
            var after: (position: Int64, balance: NanoDollars)?
            if let position {
                after = (position, try await finance.balance(of: statement.organization, .position(position)).balance)
            }
            return try await finance.movements(of: statement, after: after, limit: limit + 1)
        }
        let shown = found.prefix(Int(limit))
        let next = found.count > shown.count ? shown.last.map { String($0.position) } : nil
        return Response.json([
            "organizationId": .id(statement.organization), "after": .integer(statement.after), "upTo": .integer(statement.upTo),
            "opening": .amount(statement.opening.balance), "closing": .amount(statement.closing.balance),
            "movements": .array(shown.map(\.json)), "pagination": Self.pagination(next, limit),
        ])
    }

    /// The whole statement, written as it is read: it may have more movements than memory takes.
    private func csv(_ statement: Statement) -> Response {
        let finance = Finance(postgres: billing.postgres)
        return Response(
            status: .ok, headers: [.contentType: "text/csv; charset=utf-8"],
            body: .init { writer in
                try await writer.write(ByteBuffer(string: "position,recorded_at,occurred_at,stream,type,amount,balance\n"))
                var last: (position: Int64, balance: NanoDollars)?
                while true {
                    let page = try await finance.movements(of: statement, after: last, limit: 2_000)
                    guard let end = page.last else { break }
                    try await writer.write(ByteBuffer(string: page.map(\.line).joined()))
                    last = (end.position, end.balance)
                }
                try await writer.finish(nil)
            })
    }

    private func read<R: Sendable>(
        _ body: (Finance) async throws(FinanceError) -> R
    ) async throws(WebError) -> R {
        do {
            return try await body(Finance(postgres: billing.postgres))
        } catch {
            switch error.code {
            case .invalid: throw WebError.invalid(error.field, error.message)
            case .notFound: throw WebError.notFound(error.message)
            case .unknownEvent, .unavailable: throw WebError.unavailable(error.message)
            }
        }
    }

    private static func view(_ request: Request) throws(FinanceError) -> BalanceView {
        var views: [BalanceView] = []
        do throws(WebError) {
            if let time = try time(request, "at") { views.append(.at(time)) }
            if let time = try time(request, "effective") { views.append(.effective(time)) }
        } catch {
            throw FinanceError(.invalid, field: error.field, error.message)
        }
        if let text = request.parameter("position") {
            guard let position = Int64(text), position >= 0 else {
                throw FinanceError(.invalid, field: "position", "position must be a whole number, not below zero.")
            }
            views.append(.position(position))
        }
        guard views.count <= 1 else {
            throw FinanceError(.invalid, field: "at", "Give one of at, position and effective.")
        }
        return views.first ?? .now
    }

    private static func time(_ request: Request, _ name: String) throws(WebError) -> Timestamp? {
        guard let text = request.parameter(name) else { return nil }
        guard let time = Timestamp(iso8601: text) else {
            throw WebError.invalid(name, "\(name) must be a time such as 2026-11-24T20:33:40Z.")
        }
        return time
    }

    private static func limit(_ request: Request) throws(WebError) -> Int64 {
        try number(request, "limit", in: 1...largestPage) ?? page
    }

    /// Where the page before ended: a position and a line.
    private static func cursor(_ request: Request) throws(WebError) -> (Int64, Int64)? {
        guard let text = request.parameter("cursor") else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let position = Int64(parts[0]), let rest = Int64(parts[1]), position >= 0 else {
            throw WebError.invalid("cursor", "cursor is not one of this list.")
        }
        return (position, rest)
    }

    private static func pagination(_ next: String?, _ limit: Int64) -> WebValue {
        ["nextCursor": .string(optional: next), "hasMore": .bool(next != nil), "limit": .integer(limit)]
    }
}

extension Balance {
    var json: WebValue {
        [
            "organizationId": .id(organization), "credited": .amount(credited), "charged": .amount(charged),
            "balance": .amount(balance), "position": .integer(position),
        ]
    }
}

extension Statement.Movement {
    var json: WebValue {
        [
            "position": .integer(position), "event": .id(event), "recordedAt": .time(recordedAt), "occurredAt": .time(occurredAt),
            "type": .string(type), "stream": .string(stream), "amount": .amount(amount), "balance": .amount(balance),
        ]
    }

    /// A line of CSV; none of its values has a comma.
    var line: String {
        "\(position),\(recordedAt.iso8601),\(occurredAt.iso8601),\(stream),\(type),\(amount.decimal),\(balance.decimal)\n"
    }
}

extension CreditGrant {
    var json: WebValue {
        [
            "id": .id(id), "paymentId": .string(optional: payment?.description), "kind": .string(kind),
            "priority": .integer(priority), "expiresAt": .time(expiresAt),
            "position": .integer(position), "grantedAt": .time(grantedAt), "amount": .amount(amount),
            "returned": .amount(returned),
            "used": .amount(used), "refunded": .amount(refunded), "voided": .amount(voided), "frozen": .amount(frozen),
            "expired": .amount(expired), "remaining": .amount(remaining),
        ]
    }
}

extension JournalEntry {
    var json: WebValue {
        [
            "position": .integer(position), "line": .integer(line), "occurredAt": .time(occurredAt), "account": .string(account),
            "amount": .amount(amount),
        ]
    }
}
