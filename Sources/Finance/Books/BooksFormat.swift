internal import Ledger
internal import Money

/// How an exported journal is written.
public enum BooksFormat: String, Sendable, CaseIterable {
    /// Beancount 2 and 3.
    case beancount
    /// The plain-text format of Ledger and hledger.
    case ledger
    /// position, date, event, organization, account, amount in US dollars.
    case csv
}

/// Writes transactions of the books in one of the formats.
struct BooksWriter {
    let format: BooksFormat
    private var opened: Set<String> = []
    private(set) var text: [UInt8] = []

    init(_ format: BooksFormat) { self.format = format }

    /// What the file is, and what it covers.
    mutating func header(ledger: String, position: Int64, chain: String) {
        switch format {
        case .beancount:
            put(";; The books of ledger \(ledger) up to position \(position), whose chain hash is \(chain).\n")
            put("option \"title\" \"LLM Gateway\"\noption \"operating_currency\" \"USD\"\n")
        case .ledger:
            put("; The books of ledger \(ledger) up to position \(position), whose chain hash is \(chain).\n")
        case .csv: put("position,date,event,organization,account,amount\n")
        }
    }

    /// One event's postings, which sum to zero.
    mutating func transaction(_ postings: [Posting]) {
        guard let first = postings.first else { return }
        if format == .csv {
            for posting in postings {
                let organization = posting.organization.map(\.description) ?? ""
                put(
                    "\(posting.position),\(posting.date),\(posting.type),\(organization),\(posting.account.rawValue),"
                        + "\(posting.amount.decimal)\n")
            }
            return
        }
        for posting in postings { open(posting) }
        switch format {
        case .beancount: put("\(first.date) * \"\(first.type)\"\n  position: \"\(first.position)\"\n")
        case .ledger: put("\(Self.slashed(first.date)) * \(first.type)\n    ; position: \(first.position)\n")
        case .csv: break
        }
        for posting in postings { put("    \(posting.name)  \(posting.amount.decimal) USD\n") }
    }

    /// What the accounts hold at the beginning of a day: whoever reads the file checks it.
    ///
    /// - Parameter chain: The chain's hash at the position up to which they do.
    mutating func assertions(_ date: String, _ balances: [String: NanoDollarSum], position: Int64, chain: String) {
        let sorted = balances.sorted { $0.key < $1.key }
        switch format {
        case .beancount:
            put("\(date) custom \"llmgateway-chain\" \"\(position)\" \"\(chain)\"\n")
            for (account, amount) in sorted { put("\(date) balance \(account)  \(amount.decimal) ~ 0 USD\n") }
        case .ledger:
            put("\(Self.slashed(date)) * Balances\n    ; position: \(position)\n    ; chain: \(chain)\n")
            for (account, amount) in sorted { put("    \(account)  0 USD = \(amount.decimal) USD\n") }
        case .csv: break
        }
    }

    mutating func take() -> [UInt8] {
        defer { text.removeAll(keepingCapacity: true) }
        return text
    }

    private mutating func open(_ posting: Posting) {
        guard format == .beancount, opened.insert(posting.name).inserted else { return }
        put("\(posting.date) open \(posting.name) USD\n")
    }

    private mutating func put(_ string: String) { text.append(contentsOf: string.utf8) }

    private static func slashed(_ date: String) -> String { date.replacing("-", with: "/") }
}

/// One posting of an event.
struct Posting: Sendable, Hashable {
    let position: Int64
    /// When it was recorded, UTC: `2026-11-28`.
    let date: String
    let type: String
    let organization: OrganizationID?
    let account: Account
    /// Debit above zero, credit below.
    let amount: NanoDollars

    var name: String { account.name(of: organization) }
}
