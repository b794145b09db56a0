internal import Finance
internal import Hummingbird
internal import Ledger
internal import Web

/// `GET /orgs/{id}/journal` and `GET /admin/ledger/journal`: the postings of every event, and `GET /admin/ledger/totals`.
extension BillingRoutes {
    /// - Parameter organization: nil is all.
    func journal(of organization: OrganizationID?, _ request: Request) async throws(WebError) -> Response {
        let limit = try Self.limit(request)
        let cursor: (position: Int64, line: Int64) = try Self.cursor(request) ?? (0, .max)
        let account: Account? = try Self.choice(request, "account")
        let form = try Self.form(request)
        let upTo = try await end(request)
        if form == .csv {
            return csv(JournalEntry.columns, after: cursor) { finance, after throws(FinanceError) in
                let page = try await finance.journal(
                    of: organization, account: account, after: after, upTo: upTo, limit: 2_000)
                return (page.map(\.values), page.last.map { ($0.position, $0.line) })
            }
        }
        let found = try await read { finance throws(FinanceError) in
            try await finance.journal(of: organization, account: account, after: cursor, upTo: upTo, limit: limit + 1)
        }
        let shown = found.prefix(Int(limit))
        let next = found.count > shown.count ? shown.last.map { "\($0.position).\($0.line)" } : nil
        return Response.json(["postings": .array(shown.map(\.json)), "pagination": Self.pagination(next, limit)])
    }

    /// What every account holds: the balances sum to zero.
    func totals(_ request: Request) async throws(WebError) -> Response {
        let form = try Self.form(request)
        let upTo = try await end(request)
        let accounts = try await read { finance throws(FinanceError) in try await finance.trialBalance(upTo: upTo) }
        switch form {
        case .json: return Response.json(["position": .integer(upTo), "accounts": .array(accounts.map(\.json))])
        case .csv: return Response.csv([TrialBalance.columns] + accounts.map(\.values))
        }
    }

    /// The position at the time `to`, or the ledger's end.
    func end(_ request: Request) async throws(WebError) -> Int64 {
        let to = try Self.time(request, "to")
        return try await read { finance throws(FinanceError) in
            guard let to else { return try await finance.head() }
            return try await finance.position(at: to)
        }
    }
}
