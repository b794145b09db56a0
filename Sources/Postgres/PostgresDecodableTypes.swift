public import FoundationEssentials

extension UnsafeRawBufferPointer {
    /// The big-endian integer at an offset; nil when the bytes end before.
    func integer<I: FixedWidthInteger>(at offset: Int, as type: I.Type = I.self) -> I? {
        guard offset >= 0, offset + MemoryLayout<I>.size <= count else { return nil }
        return I(bigEndian: loadUnaligned(fromByteOffset: offset, as: I.self))
    }

    /// The whole of the bytes as one big-endian integer; nil when the width differs.
    func integer<I: FixedWidthInteger>(as type: I.Type = I.self) -> I? {
        count == MemoryLayout<I>.size ? integer(at: 0) : nil
    }
}

extension Bool: PostgresDecodable {
    /// `boolean`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Bool {
        guard type == TypeID.bool, let value: UInt8 = bytes.integer() else { throw mismatch(type) }
        return value != 0
    }
}

extension Int32: PostgresDecodable {
    /// `smallint`, `integer`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Int32 {
        switch type {
        case TypeID.int4: if let value: Int32 = bytes.integer() { return value }
        case TypeID.int2: if let value: Int16 = bytes.integer() { return Int32(value) }
        default: break
        }
        throw mismatch(type)
    }
}

extension Int64: PostgresDecodable {
    /// `bigint`, `integer`, `smallint`, `oid`, `xid`, `xid8`, `pg_lsn`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Int64 {
        switch type {
        case TypeID.int8: if let value: Int64 = bytes.integer() { return value }
        case TypeID.int4, TypeID.int2: return Int64(try Int32.decode(bytes, type: type))
        case TypeID.oid, TypeID.xid, TypeID.regclass: if let value: UInt32 = bytes.integer() { return Int64(value) }
        case TypeID.xid8, TypeID.lsn:
            if let value: UInt64 = bytes.integer(), let signed = Int64(exactly: value) { return signed }
        default: break
        }
        throw mismatch(type)
    }
}

extension Int: PostgresDecodable {
    /// The same types as Int64.
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Int {
        Int(try Int64.decode(bytes, type: type))
    }
}

extension Double: PostgresDecodable {
    /// `double precision`, `real`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Double {
        switch type {
        case TypeID.float8: if let pattern: UInt64 = bytes.integer() { return Double(bitPattern: pattern) }
        case TypeID.float4: if let pattern: UInt32 = bytes.integer() { return Double(Float(bitPattern: pattern)) }
        default: break
        }
        throw mismatch(type)
    }
}

extension String: PostgresDecodable {
    /// `text`, `varchar`, `char`, `name`, `json`, `jsonb` and enums
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> String {
        let text: UnsafeRawBufferPointer
        switch type {
        case TypeID.text, TypeID.varchar, TypeID.bpchar, TypeID.name, TypeID.char, TypeID.json, TypeID.unknown,
            TypeID.firstOfUsers...:
            text = bytes
        case TypeID.jsonb: text = try jsonText(bytes)
        default: throw mismatch(type)
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw PostgresError(.decodingFailed, "a value of type \(type) is no UTF-8 text")
        }
        return string
    }
}

/// The JSON text of a `jsonb`, after the version of its binary format.
private func jsonText(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> UnsafeRawBufferPointer {
    guard bytes.first == 1 else { throw PostgresError(.decodingFailed, "jsonb of an unknown version") }
    return UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
}

extension UUID: PostgresDecodable {
    /// `uuid`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> UUID {
        guard type == TypeID.uuid, bytes.count == 16 else { throw mismatch(type) }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}

extension PostgresTimestamp: PostgresDecodable {
    /// `timestamptz`
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> PostgresTimestamp {
        guard type == TypeID.timestamptz, let value: Int64 = bytes.integer() else { throw mismatch(type) }
        guard let microseconds = Epoch2000.client(value) else {
            throw PostgresError(.decodingFailed, "a time is beyond what Int64 microseconds hold")
        }
        return PostgresTimestamp(microseconds: microseconds)
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// What the wrapped type reads.
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Wrapped? {
        try Wrapped.decode(bytes, type: type)
    }

    /// nil
    public static func decodeNull() throws(PostgresError) -> Wrapped? { nil }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    /// An array of one dimension; `[UInt8]` reads `bytea`, and `json` and `jsonb` as their text.
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [Element] {
        try Element.decodeArray(bytes, type: type)
    }
}

extension UInt8: PostgresArrayElement {
    /// The bytes of a `bytea`, or the text of a `json` or `jsonb`.
    public static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [UInt8] {
        switch type {
        case TypeID.bytea, TypeID.json: Array(bytes)
        case TypeID.jsonb: Array(try jsonText(bytes))
        default: throw PostgresError(.decodingFailed, "a value of type \(type) is no bytea and no JSON")
        }
    }
}
