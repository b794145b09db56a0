import struct FoundationEssentials.UUID

/// 128 bits as 22 characters of 0-9, A-Z, a-z: fixed length, and in the order of the bytes when sorted as ASCII.
enum Base62 {
    static let length = 22

    static func encode(_ uuid: UUID) -> String {
        var value = (UInt128(uuid.high) << 64) | UInt128(uuid.low)
        return String(unsafeUninitializedCapacity: length) { buffer in
            for index in stride(from: length - 1, through: 0, by: -1) {
                let (quotient, digit) = value.quotientAndRemainder(dividingBy: 62)
                buffer[index] = character(UInt8(digit))
                value = quotient
            }
            return length
        }
    }

    /// `nil` for another length, another character, or a value above 128 bits.
    static func decode(_ text: Substring) -> UUID? {
        guard text.utf8.count == length else { return nil }
        var value: UInt128 = 0
        for byte in text.utf8 {
            guard let digit = digit(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 62)
            let (sum, carry) = product.addingReportingOverflow(UInt128(digit))
            if overflow || carry { return nil }
            value = sum
        }
        return UUID(high: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value))
    }

    private static func character(_ digit: UInt8) -> UInt8 {
        switch digit {
        case 0..<10: 48 + digit
        case 10..<36: 65 + digit - 10
        default: 97 + digit - 36
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...90: byte - 65 + 10
        case 97...122: byte - 97 + 36
        default: nil
        }
    }
}
