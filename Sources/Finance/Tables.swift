internal import Ledger
internal import Money

// What the books hold as tables: amounts in US dollars, times in UTC. Commands and API write the same.

extension Balance {
    public static let columns = ["organization", "credited", "charged", "balance", "position"]

    public var values: [String] {
        [organization.description, credited.decimal, charged.decimal, balance.decimal, String(position)]
    }
}

extension Statement.Movement {
    public static let columns = ["position", "event", "recorded_at", "occurred_at", "stream", "type", "amount", "balance"]

    public var values: [String] {
        [String(position), event.description, recordedAt.iso8601, occurredAt.iso8601, stream, type]
            + [amount.decimal, balance.decimal]
    }
}

extension CreditGrant {
    public static let columns = [
        "grant", "payment", "kind", "priority", "expires_at", "position", "granted_at", "amount", "returned", "used", "refunded",
        "voided", "frozen", "expired", "remaining",
    ]

    public var values: [String] {
        [id.description, payment?.description ?? "", kind, String(priority), expiresAt?.iso8601 ?? "", String(position)]
            + [grantedAt.iso8601] + [amount, returned, used, refunded, voided, frozen, expired, remaining].map(\.decimal)
    }
}

extension JournalEntry {
    public static let columns = ["position", "line", "occurred_at", "organization", "account", "amount"]

    public var values: [String] {
        [String(position), String(line), occurredAt.iso8601, organization.description, account, amount.decimal]
    }
}

extension TrialBalance {
    public static let columns = ["account", "balance", "postings"]

    public var values: [String] { [account, balance.decimal, String(postings)] }
}
