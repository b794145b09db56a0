/// A value of CBOR (RFC 8949) in the subset that CTAP2 sends: definite lengths, no tags, no floating point.
indirect enum CBOR: Sendable, Hashable {
    /// -2^63 to 2^63-1
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    /// No key comes twice.
    case map([CBOR: CBOR])
    case bool(Bool)
    case null

    subscript(_ key: Int64) -> CBOR? { if case .map(let map) = self { map[.integer(key)] } else { nil } }
    subscript(_ key: String) -> CBOR? { if case .map(let map) = self { map[.text(key)] } else { nil } }

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
}

/// Reads CBOR from bytes that a stranger sent: nothing is taken on trust, neither a length nor a depth.
struct CBORReader {
    /// Why bytes are no value.
    enum Failure: Error { case truncated, unsupported, tooDeep, duplicateKey, notText, trailing }

    private let bytes: ArraySlice<UInt8>
    /// Where the next value begins.
    private(set) var position: Int
    private static let maximumDepth = 8

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Reads bytes that are exactly one value.
    static func read(_ bytes: [UInt8]) throws(Failure) -> CBOR {
        var reader = CBORReader(bytes[...])
        let value = try reader.value()
        guard reader.position == bytes.endIndex else { throw .trailing }
        return value
    }

    /// Reads the next value.
    mutating func value() throws(Failure) -> CBOR { try value(depth: 0) }

    private mutating func value(depth: Int) throws(Failure) -> CBOR {
        guard depth <= Self.maximumDepth else { throw .tooDeep }
        guard let first = try take(1).first else { throw .truncated }
        let argument = try argument(of: first & 31)
        switch first >> 5 {
        case 0:
            guard let value = Int64(exactly: argument) else { throw .unsupported }
            return .integer(value)
        case 1:
            guard let value = Int64(exactly: argument) else { throw .unsupported }
            return .integer(-1 - value)
        case 2: return .bytes(Array(try take(argument)))
        case 3:
            let utf8 = Array(try take(argument))
            guard let text = String(validating: utf8, as: UTF8.self) else { throw .notText }
            return .text(text)
        case 4:
            var elements: [CBOR] = []
            // Each element has at least a byte, so a length that lies runs out of bytes, not of memory.
            for _ in 0..<(try count(argument)) { elements.append(try value(depth: depth + 1)) }
            return .array(elements)
        case 5:
            var map: [CBOR: CBOR] = [:]
            for _ in 0..<(try count(argument)) {
                let key = try value(depth: depth + 1)
                guard map.updateValue(try value(depth: depth + 1), forKey: key) == nil else { throw .duplicateKey }
            }
            return .map(map)
        case 7 where first & 31 == 20: return .bool(false)
        case 7 where first & 31 == 21: return .bool(true)
        case 7 where first & 31 == 22: return .null
        default: throw .unsupported
        }
    }

    /// The number that follows a first byte. Indefinite lengths (31) are not of the subset.
    private mutating func argument(of information: UInt8) throws(Failure) -> UInt64 {
        switch information {
        case 0..<24: return UInt64(information)
        case 24...27: return try take(UInt64(1) << (information - 24)).reduce(0) { $0 << 8 | UInt64($1) }
        default: throw .unsupported
        }
    }

    private func count(_ argument: UInt64) throws(Failure) -> Int {
        guard argument <= UInt64(bytes.endIndex - position) else { throw .truncated }
        return Int(argument)
    }

    private mutating func take(_ count: UInt64) throws(Failure) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.endIndex - position) else { throw .truncated }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }
}
