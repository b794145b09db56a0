import Glibc

/// Says which addresses are public. What a name resolves to is only known when a socket is opened, so it is asked there.
enum AddressGuard {
    /// Whether this is a global unicast address that is assigned to hosts of the public internet.
    static func isPublic(_ address: UnsafePointer<sockaddr>) -> Bool {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            return isPublic(v4: UInt32(bigEndian: bytes))
        case AF_INET6:
            let bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { [UInt8]($0) }
            }
            return isPublic(v6: bytes)
        default:
            return false
        }
    }

    /// IANA's special-purpose registry for IPv4, with multicast and the reserved top.
    private static let refusedV4: [(network: UInt32, bits: UInt32)] = [
        (0x0000_0000, 8),  // this network, unspecified
        (0x0A00_0000, 8),  // private
        (0x6440_0000, 10),  // carrier-grade NAT
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local, where clouds keep their metadata services
        (0xAC10_0000, 12),  // private
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC058_6300, 24),  // 6to4 relays
        (0xC0A8_0000, 16),  // private
        (0xC612_0000, 15),  // benchmarks
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 3),  // multicast, reserved, broadcast
    ]

    static func isPublic(v4 address: UInt32) -> Bool {
        !refusedV4.contains { address >> (32 - $0.bits) == $0.network >> (32 - $0.bits) }
    }

    /// Only 2000::/3 is assigned to hosts; forms that carry an IPv4 address are as public as that address.
    static func isPublic(v6 bytes: [UInt8]) -> Bool {
        guard bytes.count == 16 else { return false }
        func v4(at index: Int) -> UInt32 { bytes[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        let head = v4(at: 0)
        let middleIsZero = bytes[4..<12].allSatisfy { $0 == 0 }
        if head == 0, bytes[4..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return isPublic(v4: v4(at: 12))  // ::ffff:0:0/96, mapped
        }
        if head == 0x0064_FF9B, middleIsZero { return isPublic(v4: v4(at: 12)) }  // 64:ff9b::/96, NAT64
        guard head >> 29 == 0b001 else { return false }
        if head >> 16 == 0x2002 { return isPublic(v4: v4(at: 2)) }  // 6to4
        if head >> 9 == 0x2001_0000 >> 9 { return false }  // 2001::/23, protocol assignments and Teredo
        if head == 0x2001_0DB8 { return false }  // documentation
        if head >> 12 == 0x3FFF_0000 >> 12 { return false }  // 3fff::/20, documentation
        return true
    }
}
