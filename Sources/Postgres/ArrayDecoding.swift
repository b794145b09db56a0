public import FoundationEssentials

extension PostgresArrayElement where Self: PostgresDecodable {
    /// An array of one dimension of a type that can be read as this one; NULL elements need an Optional.
    public static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [Self] {
        let damaged = PostgresError(.decodingFailed, "a value of type \(type) is no array")
        guard let dimensions: Int32 = bytes.integer(at: 0), let elementType: UInt32 = bytes.integer(at: 8) else { throw damaged }
        if dimensions == 0 { return [] }
        guard dimensions == 1 else {
            throw PostgresError(.decodingFailed, "an array of \(dimensions) dimensions, where one is read")
        }
        // Every element takes four bytes at least, so that a damaged count can't ask for more memory than has arrived.
        guard let count: Int32 = bytes.integer(at: 12), count >= 0, Int(count) <= bytes.count / 4 else { throw damaged }
        var elements: [Self] = []
        elements.reserveCapacity(Int(count))
        var offset = 20
        for _ in 0..<count {
            guard let length: Int32 = bytes.integer(at: offset) else { throw damaged }
            offset += 4
            if length < 0 {
                elements.append(try Self.decodeNull())
                continue
            }
            guard offset + Int(length) <= bytes.count else { throw damaged }
            let element = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(length)])
            elements.append(try Self.decode(element, type: elementType))
            offset += Int(length)
        }
        return elements
    }
}

extension Bool: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension Int: PostgresArrayElement {}
extension Double: PostgresArrayElement {}
extension String: PostgresArrayElement {}
extension UUID: PostgresArrayElement {}
extension PostgresTimestamp: PostgresArrayElement {}
extension PostgresNumeric: PostgresArrayElement {}
extension Array: PostgresArrayElement where Element == UInt8 {}
extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresDecodable {}
