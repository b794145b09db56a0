internal import FoundationEssentials
internal import Ledger
internal import Postgres

/// The kind of identifier that names a passkey.
enum PasskeyKind: IdentifierKind { static let prefix = "pk" }
/// Names a passkey: `pk_...`.
typealias PasskeyID = Identifier<PasskeyKind>

/// A passkey as it is stored.
struct Passkey: Sendable {
    let id: PasskeyID
    let user: UserID
    let credentialID: [UInt8]
    let publicKey: [UInt8]
    let counter: Int64
    let name: String?
    let transports: [String]
    let aaguid: UUID?
    /// Whether the authenticator verified its person when the passkey was made.
    let isUserVerified: Bool
    let isMultiDevice: Bool
    let isBackedUp: Bool
    let createdAt: Timestamp

    static let columns = """
        p.id, p.user_id, p.credential_id, p.public_key, p.counter, p.name, p.transports, p.aaguid, p.user_verified,
        p.multi_device, p.backed_up, p.created_at
        """
    static let columnCount = 12

    init(_ row: PostgresRow) throws {
        id = PasskeyID(uuid: try row.decode(0))
        user = UserID(uuid: try row.decode(1))
        credentialID = try row.decode(2)
        publicKey = try row.decode(3)
        counter = try row.decode(4)
        name = try row.decode(5)
        transports = try row.decode(6)
        aaguid = try row.decode(7)
        isUserVerified = try row.decode(8)
        isMultiDevice = try row.decode(9)
        isBackedUp = try row.decode(10)
        createdAt = Timestamp(microseconds: try row.decode(11, as: PostgresTimestamp.self).microseconds)
    }
}
