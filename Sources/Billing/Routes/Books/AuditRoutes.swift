internal import Finance
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Projections
internal import Web

/// What finance asks of the whole ledger, for those whom ADMIN_EMAILS names: the same as the commands `journal`,
/// `ledger export`, `ledger proof`, `ledger replay` and `reconcile stripe` answer.
extension BillingRoutes {
    func addAudit(to router: Router<WebContext>) {
        router.get("/admin/ledger/journal") { request, context in
            try await administrator(request, context)
            return try await journal(of: nil, request)
        }
        router.get("/admin/ledger/totals") { request, context in
            try await administrator(request, context)
            return try await audit.onTurn { () throws(WebError) in try await totals(request) }
        }
        router.get("/admin/ledger/export") { request, context in
            try await administrator(request, context)
            return try await export(of: nil, request)
        }
        router.get("/admin/ledger/proof") { request, context in
            try await administrator(request, context)
            return try await proof(of: nil, request)
        }
        router.post("/admin/ledger/replay") { request, context in
            try await administrator(request, context)
            return try await replay(request)
        }
        router.get("/admin/reconcile/stripe") { request, context in
            try await administrator(request, context)
            return try await reconcile(request)
        }
    }

    private func administrator(_ request: Request, _ context: WebContext) async throws(WebError) {
        let caller = try await sessions.caller(request, context)
        guard try await sessions.isAdministrator(caller.user) else {
            throw WebError.forbidden("Only the administrators of this installation may see this.")
        }
    }

    private func reconcile(_ request: Request) async throws(WebError) -> Response {
        guard let from = try Self.time(request, "from") else {
            throw WebError.invalid("from", "from is required, as 2026-11-01T00:00:00Z.")
        }
        let to = try Self.time(request, "to") ?? .now
        guard from <= to else { throw WebError.invalid("to", "to must not be before from.") }
        let form = try Self.form(request)
        let report = try await audit.onTurn { () throws(WebError) in
            ReconciliationReport(try await billing.reconcile(from: from, to: to))
        }
        switch form {
        case .json: return try Self.json(report)
        case .csv: return Response.csv(report.table)
        }
    }

    private struct ReplayBody: Decodable, Sendable {
        let to: Int64?
        let projections: [String]?
    }

    /// Lines of JSON while it goes on, because it may take minutes: `{"projection":…,"position":…,"target":…}` now and then, at
    /// the end the state, or `{"error":true,…}`. With `format=csv` the state's table alone.
    private func replay(_ request: Request) async throws(WebError) -> Response {
        let body = try await WebBody.read(ReplayBody.self, from: request)
        let form = try Self.form(request)
        let names = body.projections ?? StateReplay.ofMoney
        guard !names.isEmpty, Set(names).count == names.count else {
            throw WebError.invalid("projections", "projections must name at least one projection, and each once.")
        }
        var definitions: [ProjectionDefinition] = []
        for (index, name) in names.enumerated() {
            guard let definition = audit.projections[name] else {
                throw WebError.invalid("projections.\(index)", "projections.\(index) is not the name of a projection.")
            }
            definitions.append(definition)
        }
        if let to = body.to, to < 1 { throw WebError.invalid("to", "to must be at least 1.") }
        let head = try await read { finance throws(FinanceError) in try await finance.head() }
        let replay = StateReplay(definitions: definitions, configuration: audit.replaying, logger: billing.logger)
        let position = min(body.to ?? head, head)
        let answer = ReplayAnswer(replay: replay, position: position, turn: try audit.turn(), logger: billing.logger)
        return form == .csv ? try await answer.table() : answer.lines()
    }

    static func json(_ report: some Encodable) throws(WebError) -> Response {
        do {
            return Response.json(try WebValue.encoding(report))
        } catch {
            throw WebError(500, "The report could not be written.")
        }
    }
}
