public import Money

public import struct FoundationEssentials.UUID

/// `ledger.created`: position 1 of every ledger.
public struct LedgerCreated: EventData, Hashable {
    public static let type = "ledger.created"
    /// The ledger's id; the hash before position 1 is SHA-256 of its 16 bytes.
    public var ledger: UUID
    /// Always `USD`.
    public var currency: String
    /// The version of the hash format, 1.
    public var hashVersion: Int32

    public init(ledger: UUID, currency: String = "USD", hashVersion: Int32 = 1) {
        self.ledger = ledger
        self.currency = currency
        self.hashVersion = hashVersion
    }

    enum CodingKeys: String, CodingKey {
        case ledger, currency
        case hashVersion = "hash_version"
    }
}

/// `admission.epoch_started`: from here on an authorization of an older epoch is refused. With the organization column NULL it
/// holds for all organizations.
public struct AdmissionEpochStarted: EventData, Hashable {
    public static let type = "admission.epoch_started"
    /// Why, for example `redis_restarted`.
    public var reason: String
    /// The `run_id` of the Redis that is trusted from here on, where the epoch holds for all organizations.
    public var runID: String?

    public init(reason: String, runID: String? = nil) {
        self.reason = reason
        self.runID = runID
    }

    enum CodingKeys: String, CodingKey {
        case reason
        case runID = "run_id"
    }
}

/// `rollback.accepted`: an operator let a ledger go on that is behind its newest seal.
public struct RollbackAccepted: EventData, Hashable {
    public static let type = "rollback.accepted"
    /// The last position that the newest seal covers.
    public var sealedTo: Int64
    /// The chain hash that the seal holds for it, in hexadecimal.
    public var sealedHash: String
    /// The ledger's last position when it was accepted.
    public var head: Int64

    public init(sealedTo: Int64, sealedHash: String, head: Int64) {
        self.sealedTo = sealedTo
        self.sealedHash = sealedHash
        self.head = head
    }

    enum CodingKeys: String, CodingKey {
        case head
        case sealedTo = "sealed_to"
        case sealedHash = "sealed_hash"
    }
}

/// `period.closed`: what the books held at the end of a calendar month. Its id is made of the period's name, so that a period is
/// closed once; whatever is corrected later is an event after it.
public struct PeriodClosed: EventData, Hashable {
    public static let type = "period.closed"

    /// What an account held.
    public struct Account: Codable, Sendable, Hashable {
        public var account: String
        /// Debits less credits.
        public var balance: NanoDollars

        public init(account: String, balance: NanoDollars) {
            self.account = account
            self.balance = balance
        }
    }

    /// `2026-10`
    public var period: String
    /// The last position that was recorded in the period.
    public var position: Int64
    /// The chain's hash at that position, in hexadecimal.
    public var chain: String
    /// Their balances sum to zero.
    public var accounts: [Account]

    public init(period: String, position: Int64, chain: String, accounts: [Account]) {
        self.period = period
        self.position = position
        self.chain = chain
        self.accounts = accounts
    }

    /// The id of the event that closes a period.
    public static func id(of period: String) -> EventID { EventID(foreign: "period", period) }
}
