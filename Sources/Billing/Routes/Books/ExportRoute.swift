internal import Finance
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Web

/// `GET /orgs/{id}/export` and `GET /admin/ledger/export`: the events themselves, or the books for plain-text accounting.
///
/// All of it is read page by page, so that a client that reads slowly holds no transaction open.
extension BillingRoutes {
    private static let pageOfEvents = 2_000

    private enum ExportForm: String, CaseIterable {
        case jsonl
        case beancount
        case ledger
        case csv
    }

    /// - Parameter organization: nil is all.
    func export(of organization: OrganizationID?, _ request: Request) async throws(WebError) -> Response {
        let form = try Self.choice(request, "format") ?? ExportForm.jsonl
        let after = try Self.number(request, "after", in: 0...Int64.max) ?? 0
        let upTo = try await end(request)
        guard let books = BooksFormat(rawValue: form.rawValue) else { return events(of: organization, after: after, upTo: upTo) }
        guard after == 0 else { throw WebError.invalid("after", "after goes with the format jsonl alone: the books are whole.") }
        // Said now, and not by an answer that breaks off.
        try await read { finance throws(FinanceError) in try await finance.wait(for: "journal", upTo: upTo) }
        let exporter = BooksExporter(postgres: audit.books)
        return Response(
            status: .ok, headers: [.contentType: books == .csv ? CSV.mediaType : "text/plain; charset=utf-8"],
            body: .init { writer in
                _ = try await exporter.run(books, organization: organization, upTo: upTo) { lines in
                    try await writer.write(ByteBuffer(bytes: lines))
                }
                try await writer.finish(nil)
            })
    }

    private func events(of organization: OrganizationID?, after: Int64, upTo: Int64) -> Response {
        let postgres = billing.postgres
        let filter = EventFilter(organization: organization, upTo: upTo)
        return Response(
            status: .ok, headers: [.contentType: "application/jsonl"],
            body: .init { writer in
                let header = try await ExportPage.header(after: after, isFiltered: organization != nil, client: postgres)
                try await writer.write(ByteBuffer(bytes: header))
                var last = after
                while true {
                    let page = try await ExportPage.read(
                        after: last, filter: filter, limit: Self.pageOfEvents, client: postgres)
                    guard page.count > 0 else { break }
                    try await writer.write(ByteBuffer(bytes: page.lines))
                    last = page.last
                }
                try await writer.finish(nil)
            })
    }
}
