/// A credential for a provider in clear: only in memory, and never printed.
public struct ProviderCredential: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What goes into the request.
    public let secret: String

    /// - Returns: nil for what can't stand in a header: it must be 1 to 8,192 printable ASCII characters without spaces. The JSON
    ///   of a service account's key, which is signed with and never sent, may have white space.
    public init?(_ secret: String) {
        guard (1...8192).contains(secret.utf8.count),
            secret.utf8.allSatisfy({ byte in
                (0x21...0x7E).contains(byte) || (secret.hasPrefix("{") && [0x20, 0x0A, 0x0D, 0x09].contains(byte))
            })
        else { return nil }
        self.secret = secret
    }

    /// What a person may see: the ends of a long one, nothing of a short one.
    public var mask: String {
        let dots = String(repeating: "\u{2022}", count: 8)
        return secret.utf8.count < 24 ? dots : "\(secret.prefix(4))\(dots)\(secret.suffix(4))"
    }

    public var description: String { "credential" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
