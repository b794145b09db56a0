internal import Finance
internal import HTTPTypes
internal import Hummingbird
internal import Ledger
internal import Web

/// How questions about the books are read and answered: times, pages, JSON or CSV.
extension BillingRoutes {
    static let page: Int64 = 100
    static let largestPage: Int64 = 1_000

    /// How a report is written.
    enum Form: String, CaseIterable {
        case json
        case csv
    }

    static func form(_ request: Request) throws(WebError) -> Form { try choice(request, "format") ?? .json }

    /// The value of a parameter that has few; nil where it is left out.
    static func choice<Value: RawRepresentable & CaseIterable>(
        _ request: Request, _ name: String
    ) throws(WebError) -> Value? where Value.RawValue == String {
        guard let text = request.parameter(name) else { return nil }
        guard let known = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw WebError.invalid(name, "\(name) must be one of \(names).")
        }
        return known
    }

    static func time(_ request: Request, _ name: String) throws(WebError) -> Timestamp? {
        guard let text = request.parameter(name) else { return nil }
        guard let time = Timestamp(iso8601: text) else {
            throw WebError.invalid(name, "\(name) must be a time such as 2026-11-24T20:33:40Z.")
        }
        return time
    }

    static func limit(_ request: Request) throws(WebError) -> Int64 {
        try number(request, "limit", in: 1...largestPage) ?? page
    }

    /// Where the page before ended: a position and a line.
    static func cursor(_ request: Request) throws(WebError) -> (Int64, Int64)? {
        guard let text = request.parameter("cursor") else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let position = Int64(parts[0]), let rest = Int64(parts[1]), position >= 0 else {
            throw WebError.invalid("cursor", "cursor is not one of this list.")
        }
        return (position, rest)
    }

    static func pagination(_ next: String?, _ limit: Int64) -> WebValue {
        ["nextCursor": .string(optional: next), "hasMore": .bool(next != nil), "limit": .integer(limit)]
    }

    /// - Throws: 400, 404 or 503, as the error of the books is.
    func read<R: Sendable>(
        _ body: (Finance) async throws(FinanceError) -> R
    ) async throws(WebError) -> R {
        do {
            return try await body(Finance(postgres: audit.books))
        } catch {
            throw WebError(error)
        }
    }

    /// A table of any length, written page by page as it is read: a client that reads slowly holds nothing but its page.
    ///
    /// - Parameter next: The rows after a place, and the place where they end; nil when there are none.
    func csv<Place: Sendable>(
        _ columns: [String], after place: Place,
        next: @escaping @Sendable (Finance, Place) async throws(FinanceError) -> (rows: [[String]], last: Place?)
    ) -> Response {
        let finance = Finance(postgres: audit.books)
        return Response(
            status: .ok, headers: [.contentType: CSV.mediaType],
            body: .init { writer in
                try await writer.write(ByteBuffer(string: CSV.line(columns) + "\n"))
                var place = place
                while true {
                    let page = try await next(finance, place)
                    guard let last = page.last else { break }
                    try await writer.write(ByteBuffer(string: page.rows.map { CSV.line($0) + "\n" }.joined()))
                    place = last
                }
                try await writer.finish(nil)
            })
    }
}

extension WebError {
    init(_ error: FinanceError) {
        switch error.code {
        case .invalid: self = .invalid(error.field, error.message)
        case .notFound: self = .notFound(error.message)
        case .unsound: self = WebError(409, error.message, code: "unsound")
        case .unknownEvent, .unavailable: self = .unavailable(error.message)
        }
    }
}
