import Crypto

public import struct FoundationEssentials.UUID

/// What an identifier names; its prefix stands before the text form.
public protocol IdentifierKind: Sendable {
    /// For example `org`: identifiers of the kind are written `org_` and 22 characters.
    static var prefix: String { get }
}

/// A typed 16-byte identifier.
///
/// People and the API see `description`, a prefix and base62: `req_` and 22 characters. In SQL and inside event data it is
/// a plain uuid, 36 lower-case characters, and that is also its `Codable` form.
public struct Identifier<Kind: IdentifierKind>: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The 16 bytes.
    public let uuid: UUID

    public init(uuid: UUID) { self.uuid = uuid }

    /// A new identifier, greater than every one minted by this process before.
    public static func mint() -> Self { Self(uuid: UUIDv7.next()) }

    /// Reads the prefixed form (`org_...`) or a 36-character uuid; `nil` for anything else, another prefix too.
    public init?(_ text: String) {
        if text.utf8.count == 36, let uuid = UUID(uuidString: text) {
            self.init(uuid: uuid)
            return
        }
        let prefix = Kind.prefix
        guard text.utf8.count == prefix.utf8.count + 1 + Base62.length, text.hasPrefix(prefix),
            text.utf8.dropFirst(prefix.utf8.count).first == UInt8(ascii: "_"),
            let uuid = Base62.decode(text.dropFirst(prefix.count + 1))
        else { return nil }
        self.init(uuid: uuid)
    }

    /// The identifier of something that a foreign system named: the first 16 bytes of SHA-256 over `system`, a zero byte and
    /// `id`. The same name gives the same identifier on every machine.
    public init(foreign system: String, _ id: String) {
        var hash = SHA256()
        hash.update(data: Array(system.utf8))
        hash.update(data: [0])
        hash.update(data: Array(id.utf8))
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in hash.finalize().prefix(16).enumerated() {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.init(uuid: UUID(high: high, low: low))
    }

    /// The prefix, `_`, and 22 characters of base62.
    public var description: String { "\(Kind.prefix)_\(Base62.encode(uuid))" }

    public static func < (left: Self, right: Self) -> Bool {
        (left.uuid.high, left.uuid.low) < (right.uuid.high, right.uuid.low)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard text.utf8.count == 36, let uuid = UUID(uuidString: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a uuid")
        }
        self.init(uuid: uuid)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(uuid.lowercase)
    }
}
