#if canImport(Glibc)
    import Glibc
#endif

/// An IP address as 16 bytes; one of version 4 in its mapped form (`::ffff:a.b.c.d`), so that both spellings are equal.
public struct IPAddress: Sendable, Hashable {
    let bytes: [UInt8]

    /// Reads `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; nil for anything else, a zone or a port too.
    public init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + withUnsafeBytes(of: four) { Array($0) }
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        bytes = withUnsafeBytes(of: six) { Array($0) }
    }

    /// What is equal for all addresses that one client may come from: a client of IPv6 has a whole /64 of them.
    public var ofOneClient: [UInt8] {
        let isVersion4 = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isVersion4 ? bytes : Array(bytes.prefix(8))
    }
}

/// A range of IP addresses in CIDR form.
public struct IPNetwork: Sendable, Hashable {
    private let base: IPAddress
    /// Of the 16 bytes.
    private let bits: Int

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let base = IPAddress(String(first)) else { return nil }
        let width = first.contains(":") ? 128 : 32
        var bits = width
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
                let given = Int(parts[1]), given <= width
            else { return nil }
            bits = given
        }
        self.base = base
        self.bits = bits + 128 - width
    }

    public func contains(_ address: IPAddress) -> Bool {
        let whole = bits / 8
        guard base.bytes[..<whole] == address.bytes[..<whole] else { return false }
        let rest = bits % 8
        guard rest > 0 else { return true }
        return (base.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0
    }
}
