public import Ledger
internal import Postgres

/// Somebody with an account.
public struct User: Sendable, Hashable {
    public let id: UserID
    /// As it was given; two that differ in letter case are the same mailbox.
    public let email: String
    public let name: String?
    /// Whether the mailbox was confirmed by the person who reads it.
    public let isEmailVerified: Bool
    public let hasCompletedOnboarding: Bool
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    static let columns = "u.id, u.email, u.name, u.email_verified, u.onboarding_completed, u.created_at, u.updated_at"
    static let columnCount = 7

    /// Reads `columns` from column `first` on.
    init(_ row: PostgresRow, from first: Int = 0) throws {
        id = UserID(uuid: try row.decode(first))
        email = try row.decode(first + 1)
        name = try row.decode(first + 2)
        isEmailVerified = try row.decode(first + 3)
        hasCompletedOnboarding = try row.decode(first + 4)
        createdAt = Timestamp(microseconds: try row.decode(first + 5, as: PostgresTimestamp.self).microseconds)
        updatedAt = Timestamp(microseconds: try row.decode(first + 6, as: PostgresTimestamp.self).microseconds)
    }

    /// For an answer that must look like any other and names nobody.
    init(id: UserID, email: String, name: String?) {
        self.id = id
        self.email = email
        self.name = name
        isEmailVerified = false
        hasCompletedOnboarding = false
        createdAt = .now
        updatedAt = createdAt
    }
}
