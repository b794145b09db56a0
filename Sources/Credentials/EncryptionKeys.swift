internal import Crypto
internal import Ledger

import struct FoundationEssentials.Data

/// The keys of an installation: the first encrypts, all of them decrypt, so that keys can be replaced while the gateway serves.
public struct EncryptionKeys: Sendable, CustomStringConvertible {
    private let keys: [EncryptionKey]

    /// A key that can't be read, or none at all; it quotes no key.
    public struct Malformed: Error, CustomStringConvertible {
        /// The variable or the file that it stands in.
        public let place: String
        public var description: String {
            "\(place) must hold one or more keys of 32 random bytes in Base64 (`openssl rand -base64 32`), the newest first"
        }
    }

    /// Why a credential can't be read.
    public enum Failure: Error, Sendable, Equatable, CustomStringConvertible {
        /// It was encrypted with a key that is not among these; its id in hexadecimal.
        case unknownKey(String)
        /// It is not what was encrypted, or belongs to another provider key.
        case tampered

        public var description: String {
            switch self {
            case .unknownKey(let id): "it was encrypted with the key \(id), which this installation does not have"
            case .tampered: "it is not what was encrypted"
            }
        }
    }

    /// - Parameters:
    ///   - list: Keys in Base64, separated by commas or white space; the first encrypts.
    ///   - place: Where the list stands, for the error.
    public init(list: String, place: String) throws(Malformed) {
        let parts = list.split { $0 == "," || $0.isWhitespace }
        keys = parts.compactMap { EncryptionKey(base64: $0) }
        guard !keys.isEmpty, keys.count == parts.count, Set(keys.map(\.id)).count == keys.count else {
            throw Malformed(place: place)
        }
    }

    /// Reads the keys of a file, one a line, and makes the file with mode 600 and a new key on first use. Blocks on the disk.
    ///
    /// - Throws: ``Malformed``, `FileError`.
    public init(path: String) throws {
        if !Folder.exists(path) {
            if let slash = path.lastIndex(of: "/") { try Folder.make(String(path[..<slash])) }
            // The name appears when the key is on the disk: a credential must not be encrypted with one that a crash, or another
            // process that begins at the same moment, takes away.
            let fresh = "\(path).\(UInt64.random(in: 0...UInt64.max))"
            let file = try File(fresh, .create)
            try file.write(Array((EncryptionKey.makeBase64() + "\n").utf8))
            try file.sync()
            try Folder.publish(fresh, as: path)
        }
        try self.init(list: String(decoding: try File(path, .read).readAll(), as: UTF8.self), place: path)
    }

    /// How many there are; nothing of them.
    public var description: String { "\(keys.count) encryption keys" }

    /// The id of the key that encrypts, 4 bytes.
    var newest: [UInt8] { keys[0].id }

    /// Encrypts a credential for one provider key: format 1, key id, nonce, ciphertext, tag.
    func seal(_ credential: String, for provider: ProviderKeyID, of organization: OrganizationID) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            Array(credential.utf8), using: keys[0].key, authenticating: Self.context(provider, organization))
        return [Self.format] + keys[0].id + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// The credential that ``seal(_:for:of:)`` encrypted.
    ///
    /// - Throws: ``Failure``.
    func open(
        _ sealed: [UInt8], for provider: ProviderKeyID, of organization: OrganizationID
    ) throws(Failure) -> String {
        let head = 1 + EncryptionKey.idLength
        guard sealed.count > head + 12 + 16, sealed[0] == Self.format else { throw .tampered }
        let id = Array(sealed[1..<head])
        guard let key = keys.first(where: { $0.id == id }) else {
            throw .unknownKey(Hexadecimal.encode(id))
        }
        do {
            let box = try AES.GCM.SealedBox(combined: Data(sealed[head...]))
            let credential = try AES.GCM.open(box, using: key.key, authenticating: Self.context(provider, organization))
            return String(decoding: credential, as: UTF8.self)
        } catch {
            throw .tampered
        }
    }

    private static let format: UInt8 = 1

    /// A ciphertext that somebody moves to another row, another organization's say, does not open there.
    private static func context(_ provider: ProviderKeyID, _ organization: OrganizationID) -> [UInt8] {
        Array("\(provider) \(organization)".utf8)
    }
}
