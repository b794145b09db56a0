internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Web

extension BillingRoutes {
    func addInvoices(to router: Router<WebContext>) {
        router.get("/orgs/:id/invoices") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"))
            let limit = try Self.number(request, "limit", in: 1...100) ?? 50
            let before = try Self.number(request, "cursor", in: 1...Int64.max) ?? .max
            let found = try await billing.invoices(of: asked.organization, before: before, limit: limit + 1)
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last.map { String($0.number) } : nil
            return Response.json([
                "invoices": .array(shown.map(\.json)),
                "pagination": [
                    "nextCursor": .string(optional: next), "hasMore": .bool(next != nil), "limit": .integer(limit),
                ],
            ])
        }
        router.get("/orgs/:id/invoices/:number") { request, context in
            let asked = try await asked(request, context, organization: context.part("id"))
            guard let number = Int64(context.part("number")),
                let invoice = try await billing.invoices(of: asked.organization, number: number, limit: 1).first
            else { throw WebError.notFound("There is no such invoice.") }
            return Response(
                status: .ok,
                headers: [
                    .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: invoicePage.contentSecurityPolicy,
                ],
                body: .init(byteBuffer: ByteBuffer(string: invoicePage.render(invoice))))
        }
    }

    static func number(
        _ request: Request, _ name: String, in range: ClosedRange<Int64>
    ) throws(WebError) -> Int64? {
        guard let text = request.parameter(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw WebError.invalid(name, "\(name) must be \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}
