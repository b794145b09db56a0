internal import HTTPTypes

/// How an organization stands with a free model, the request that asks included.
struct FreeUse: Sendable, Hashable {
    /// Requests in the time that the limit is about.
    let limit: Int64
    /// How many more there may be now.
    let remaining: Int64
    /// Seconds until this one may be asked again; nil where it goes on.
    let wait: Int?
    /// When that is, in seconds since 1970 UTC.
    let resetsAt: Int64

    /// Writes what clients are told, by the names that other services use for it.
    func write(into fields: inout HTTPFields) {
        if let name = Self.limitName { fields[name] = String(limit) }
        if let name = Self.remainingName { fields[name] = String(remaining) }
        if wait != nil, let name = Self.resetName { fields[name] = String(resetsAt) }
    }

    private static let limitName = HTTPField.Name("x-ratelimit-limit")
    private static let remainingName = HTTPField.Name("x-ratelimit-remaining")
    private static let resetName = HTTPField.Name("x-ratelimit-reset")
}
