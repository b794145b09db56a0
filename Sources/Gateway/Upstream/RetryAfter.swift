internal import JSON
internal import Ledger

/// How long a provider asks to be left alone.
enum RetryAfter {
    /// The most that is believed and told to a client, in seconds.
    private static let most: Int64 = 3_600

    /// Whole seconds from `now` on, by its `Retry-After` header, which is a number of them or a date (RFC 9110, 10.2.3), else by
    /// what Google says in the body; nil where neither says it.
    static func seconds(header: String?, body: [UInt8], at now: Timestamp = .now) -> Int? {
        let told = header.flatMap { text in Int64(text) ?? date(text).map { time in time.seconds - now.seconds } }
        return (told ?? delay(body)).map { Int(min(max($0, 0), most)) }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form in which dates are sent (RFC 9110, 5.6.7).
    private static func date(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(where: { $0 == parts[2] }) else { return nil }
        return Timestamp(iso8601: "\(parts[3])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[1])T\(parts[4])Z")
    }

    /// The `retryDelay` of a refusal's details, such as `38s` or `3.5s`, rounded up
    /// (https://cloud.google.com/apis/design/errors#error_details); Google sends no header.
    private static func delay(_ body: [UInt8]) -> Int64? {
        guard let refusal = try? JSONValue(body) else { return nil }
        let details = (refusal.elements?.first ?? refusal)["error"]?["details"]?.elements ?? []
        let delay = details.lazy.compactMap { $0["retryDelay"]?.text }.first
        guard let delay, delay.hasSuffix("s") else { return nil }
        let parts = delay.dropLast().split(separator: ".", maxSplits: 1)
        guard let seconds = parts.first.flatMap({ Int64($0) }), seconds >= 0 else { return nil }
        let hasMore = parts.count > 1 && parts[1].contains { $0 != "0" }
        return min(seconds, most) + (hasMore ? 1 : 0)
    }
}
