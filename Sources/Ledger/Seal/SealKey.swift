public import Crypto

/// The Ed25519 key that signs seals.
public struct SealKey: Sendable {
    let key: Curve25519.Signing.PrivateKey

    /// A key file has not the form that this writes.
    public struct Malformed: Error, CustomStringConvertible {
        public let path: String
        public var description: String { "\(path) is not a seal key: 64 hexadecimal digits are expected" }
    }

    /// There is only the public key where a private key was to be made: it would not be the one that the seals are signed with.
    public struct Elsewhere: Error, CustomStringConvertible {
        public let path: String
        public var description: String { "\(path).pub is there and \(path) is not: the private key lies elsewhere, or is lost" }
    }

    public init(_ key: Curve25519.Signing.PrivateKey) { self.key = key }

    /// Reads the key file, or makes it with mode 600 on first use, and the public key beside it as `PATH.pub`. The file holds 64
    /// hexadecimal digits and a line feed. Blocks on the disk.
    /// - Throws: `FileError`, `Malformed`, `Elsewhere`.
    public init(path: String) throws {
        if Folder.exists(path) {
            guard let bytes = Self.parse(try File(path, .read).readAll()),
                let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
            else { throw Malformed(path: path) }
            self.key = key
            return
        }
        // The new file beside it is left of a first use that was interrupted.
        if Folder.exists("\(path).pub"), !Folder.exists("\(path).new") { throw Elsewhere(path: path) }
        key = Curve25519.Signing.PrivateKey()
        let folder = Self.folder(of: path)
        try Folder.make(folder)
        // The name appears when the contents are on the disk.
        let fresh = "\(path).new"
        if Folder.exists(fresh) { try Folder.remove(fresh) }
        let file = try File(fresh, .create)
        try file.write(Array((Hexadecimal.encode(key.rawRepresentation) + "\n").utf8))
        try file.sync()
        let publicPath = "\(path).pub"
        if Folder.exists(publicPath) { try Folder.remove(publicPath) }
        let publicFile = try File(publicPath, .create, mode: 0o644)
        try publicFile.write(Array((Hexadecimal.encode(key.publicKey.rawRepresentation) + "\n").utf8))
        try publicFile.sync()
        try Folder.rename(fresh, to: path)
        try Folder.sync(folder)
    }

    /// The key, or nil where only the public key is. Blocks on the disk.
    public static func unlessElsewhere(path: String) throws -> SealKey? {
        do { return try SealKey(path: path) } catch is Elsewhere { return nil }
    }

    /// The key that verifies.
    public var publicKey: Curve25519.Signing.PublicKey { key.publicKey }

    /// Reads a public key file: 64 hexadecimal digits. Blocks on the disk.
    public static func publicKey(path: String) throws -> Curve25519.Signing.PublicKey {
        guard let bytes = parse(try File(path, .read).readAll()),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { throw Malformed(path: path) }
        return key
    }

    func sign(_ seal: Seal) throws -> Seal {
        var signed = seal
        signed.signature = Array(try key.signature(for: Array(seal.statement.utf8)))
        return signed
    }

    private static func parse(_ bytes: [UInt8]) -> [UInt8]? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let decoded = Hexadecimal.decode(text.prefix { $0 != "\n" }), decoded.count == 32 else { return nil }
        return decoded
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
