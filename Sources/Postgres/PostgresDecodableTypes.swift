public import FoundationEssentials

extension Bool: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension Int32: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension Int64: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension Int: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension String: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension UUID: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension Double: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension PostgresTimestamp: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }
extension PostgresNumeric: PostgresDecodable { public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") } }

/// A type of which arrays can be read.
public protocol PostgresArrayElement {
    static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [Self]
}
extension PostgresArrayElement {
    public static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [Self] { preconditionFailure("not built yet") }
}
extension UInt8: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension Int: PostgresArrayElement {}
extension Bool: PostgresArrayElement {}
extension Double: PostgresArrayElement {}
extension String: PostgresArrayElement {}
extension UUID: PostgresArrayElement {}
extension PostgresTimestamp: PostgresArrayElement {}
extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement {}
extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") }
}
extension Array: PostgresArrayElement where Element == UInt8 {}
extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self { preconditionFailure("not built yet") }
}
