internal import HTTPTransport
internal import JSON
internal import Ledger
internal import Web

/// What Stripe answered, and when by Stripe's own clock.
struct StripeAnswer: Sendable {
    let value: JSONValue
    /// Seconds since 1970: of the header `Date`, so that it can be compared with when Stripe made its events.
    let date: Int64

    subscript(_ name: String) -> JSONValue? { value[name] }
}

/// Calls Stripe's API. Whoever repeats a call gives it the same idempotency key, and Stripe does it once.
///
/// Source: Stripe's API reference. The version is pinned, so that what Stripe changes does not change here.
struct StripeClient: Sendable {
    /// What Stripe refused, or why there is no answer.
    struct Failure: Error, Sendable, CustomStringConvertible {
        /// Stripe's status; nil when there was no answer, and it may have been done.
        let status: Int?
        /// Stripe's code, `card_declined` for example.
        let code: String?
        /// For a person.
        let message: String
        /// The payment intent that the refusal is about.
        let intent: JSONValue?

        /// Whether it may have been done nevertheless: ask again with the same idempotency key.
        var isUnknown: Bool { status.map { $0 >= 500 || $0 == 409 || $0 == 429 } ?? true }
        var description: String { "Stripe: \(message)" }
    }

    static let version = "2024-06-20"

    let transport: HTTPTransport
    /// Without a slash at its end.
    let baseURL: String
    let secretKey: String

    func get(_ path: String, _ query: [(String, String)] = []) async throws(Failure) -> StripeAnswer {
        let text = Self.form(query)
        return try await call("GET", text.isEmpty ? path : "\(path)?\(text)", body: nil, idempotencyKey: nil)
    }

    func post(_ path: String, _ form: [(String, String)] = [], idempotencyKey: String?) async throws(Failure) -> StripeAnswer {
        try await call("POST", path, body: Self.form(form), idempotencyKey: idempotencyKey)
    }

    func delete(_ path: String) async throws(Failure) -> StripeAnswer {
        try await call("DELETE", path, body: nil, idempotencyKey: nil)
    }

    private func call(
        _ method: String, _ path: String, body: String?, idempotencyKey: String?
    ) async throws(Failure) -> StripeAnswer {
        var headers = [
            ("authorization", "Bearer \(secretKey)"), ("stripe-version", Self.version), ("accept", "application/json"),
        ]
        if body != nil { headers.append(("content-type", "application/x-www-form-urlencoded")) }
        if let idempotencyKey { headers.append(("idempotency-key", idempotencyKey)) }
        var pause = Duration.milliseconds(250)
        for attempt in 1... {
            do {
                return try await once(
                    HTTPTransportRequest(
                        method: method, url: baseURL + path, headers: headers,
                        body: body.map { .bytes(Array($0.utf8)) } ?? .none,
                        deadlines: .init(connect: .seconds(5), firstByte: .seconds(20), idle: .seconds(5), total: .seconds(30))))
            } catch {
                let mayRepeat = method == "GET" || idempotencyKey != nil
                guard error.isUnknown, mayRepeat, attempt < 3, !Task.isCancelled else { throw error }
                try? await Task.sleep(for: pause)
                pause *= 2
            }
        }
        throw Failure(status: nil, code: nil, message: "it did not answer", intent: nil)
    }

    private func once(_ request: HTTPTransportRequest) async throws(Failure) -> StripeAnswer {
        let status: Int
        let bytes: [UInt8]
        let date: Int64?
        do {
            let response = try await transport.execute(request)
            status = response.status
            date = response.header("date").flatMap(Self.seconds)
            bytes = try await response.collect(upTo: 4 << 20)
        } catch {
            throw Failure(status: nil, code: nil, message: "it did not answer", intent: nil)
        }
        let value = try? JSONValue(bytes, maximumDepth: 32)
        guard (200..<300).contains(status), let value else {
            let error = value?["error"]
            throw Failure(
                status: (200..<300).contains(status) ? nil : status, code: error?["code"]?.text,
                message: error?["message"]?.text ?? "it answered with status \(status)", intent: error?["payment_intent"])
        }
        return StripeAnswer(value: value, date: date ?? Timestamp.now.microseconds / 1_000_000)
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\(PercentEncoding.encode($0))=\(PercentEncoding.encode($1))" }.joined(separator: "&")
    }

    /// Seconds since 1970 of `Sat, 28 Nov 2026 16:42:13 GMT` (RFC 9110, 5.6.7).
    static func seconds(_ date: String) -> Int64? {
        let parts = date.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, let month = months.firstIndex(of: String(parts[2])) else { return nil }
        let number = String(month + 1)
        let text = "\(parts[3])-\(number.count == 1 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z"
        return Timestamp(iso8601: text).map { $0.microseconds / 1_000_000 }
    }
}
