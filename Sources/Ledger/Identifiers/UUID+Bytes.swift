public import struct FoundationEssentials.UUID

extension UUID {
    /// The zero UUID: in `ledger.epochs` it stands for every organization.
    public static let zero = UUID(high: 0, low: 0)

    /// A UUID from its two halves, most significant first.
    public init(high: UInt64, low: UInt64) {
        func byte(_ value: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> (56 - 8 * index)) }
        self.init(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6),
                byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5), byte(low, 6),
                byte(low, 7)
            ))
    }

    /// The first eight bytes, big endian.
    public var high: UInt64 {
        let u = uuid
        return (UInt64(u.0) << 56) | (UInt64(u.1) << 48) | (UInt64(u.2) << 40) | (UInt64(u.3) << 32) | (UInt64(u.4) << 24)
            | (UInt64(u.5) << 16) | (UInt64(u.6) << 8) | UInt64(u.7)
    }

    /// The last eight bytes, big endian.
    public var low: UInt64 {
        let u = uuid
        return (UInt64(u.8) << 56) | (UInt64(u.9) << 48) | (UInt64(u.10) << 40) | (UInt64(u.11) << 32) | (UInt64(u.12) << 24)
            | (UInt64(u.13) << 16) | (UInt64(u.14) << 8) | UInt64(u.15)
    }

    /// The 36-character lower-case form, as Postgres prints a uuid.
    public var lowercase: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var index = 0
            writeLowercase { byte in
                buffer[index] = byte
                index += 1
            }
            return 36
        }
    }

    /// Gives the bytes of the 36-character lower-case form in order.
    @inline(__always)
    func writeLowercase(_ put: (UInt8) -> Void) {
        for (offset, half) in [high, low].enumerated() {
            for nibble in 0..<16 {
                let position = offset * 16 + nibble
                if position == 8 || position == 12 || position == 16 || position == 20 { put(UInt8(ascii: "-")) }
                let value = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * nibble)) & 15
                put(value < 10 ? 48 + value : 87 + value)
            }
        }
    }
}
