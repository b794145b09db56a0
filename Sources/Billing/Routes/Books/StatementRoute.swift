internal import Finance
internal import Hummingbird
internal import Ledger
internal import Money
internal import Web

/// `GET /orgs/{id}/statement`: every movement of the credits between two moments.
extension BillingRoutes {
    func statement(of organization: OrganizationID, _ request: Request) async throws(WebError) -> Response {
        let (from, to) = (try Self.time(request, "from"), try Self.time(request, "to"))
        let form = try Self.form(request)
        let statement = try await read { finance throws(FinanceError) in
            try await finance.statement(of: organization, from: from, to: to)
        }
        switch form {
        case .json: return try await page(of: statement, request)
        case .csv:
            let beginning: (position: Int64, balance: NanoDollars)? = nil
            return csv(Statement.Movement.columns, after: beginning) { finance, after throws(FinanceError) in
                let page = try await finance.movements(of: statement, after: after, limit: 2_000)
                return (page.map(\.values), page.last.map { ($0.position, $0.balance) })
            }
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
}
