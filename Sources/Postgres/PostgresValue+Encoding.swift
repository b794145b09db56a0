import FoundationEssentials
import Glibc

extension PostgresValue {
    /// The object id of the parameter's type; 0 leaves it to the server.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .bool: TypeID.bool
        case .int4: TypeID.int4
        case .int8: TypeID.int8
        case .text: TypeID.text
        case .bytea: TypeID.bytea
        case .uuid: TypeID.uuid
        case .jsonb: TypeID.jsonb
        case .timestamptz: TypeID.timestamptz
        case .float8: TypeID.float8
        case .int4Array: TypeID.int4Array
        case .int8Array: TypeID.int8Array
        case .textArray: TypeID.textArray
        case .uuidArray: TypeID.uuidArray
        case .jsonbArray: TypeID.jsonbArray
        case .timestamptzArray: TypeID.timestamptzArray
        case .byteaArray: TypeID.byteaArray
        case .boolArray: TypeID.boolArray
        }
    }

    /// Appends the value in Postgres's binary format; `.null` appends nothing.
    func write(to writer: inout ByteWriter) throws(PostgresError) {
        switch self {
        case .null: break
        case .bool(let value): writer.write(UInt8(value ? 1 : 0))
        case .int4(let value): writer.write(value)
        case .int8(let value): writer.write(value)
        case .text(let value): try writer.write(text: value)
        case .bytea(let value): value.withUnsafeBytes { writer.write($0) }
        case .uuid(let value): writer.write(uuid: value)
        case .jsonb(let value): try writer.write(jsonb: value)
        case .timestamptz(let value): try writer.write(timestamp: value)
        case .float8(let value): writer.write(value.bitPattern)
        case .int4Array(let values):
            try writer.write(array: values, of: TypeID.int4) { (writer, value) throws(PostgresError) in writer.write(value) }
        case .int8Array(let values):
            try writer.write(array: values, of: TypeID.int8) { (writer, value) throws(PostgresError) in writer.write(value) }
        case .boolArray(let values):
            try writer.write(array: values, of: TypeID.bool) { (writer, value) throws(PostgresError) in
                writer.write(UInt8(value ? 1 : 0))
            }
        case .uuidArray(let values):
            try writer.write(array: values, of: TypeID.uuid) { (writer, value) throws(PostgresError) in
                writer.write(uuid: value)
            }
        case .textArray(let values):
            try writer.write(array: values, of: TypeID.text) { (writer, value) throws(PostgresError) in
                try writer.write(text: value)
            }
        case .jsonbArray(let values):
            try writer.write(array: values, of: TypeID.jsonb) { (writer, value) throws(PostgresError) in
                try writer.write(jsonb: value)
            }
        case .byteaArray(let values):
            try writer.write(array: values, of: TypeID.bytea) { (writer, value) throws(PostgresError) in
                value.withUnsafeBytes { writer.write($0) }
            }
        case .timestamptzArray(let values):
            try writer.write(array: values, of: TypeID.timestamptz) { (writer, value) throws(PostgresError) in
                try writer.write(timestamp: value)
            }
        }
    }
}

extension PostgresValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The type, never the value.
    public var description: String { "parameter of type \(type)" }
    /// The type, never the value.
    public var debugDescription: String { description }
    /// Nothing of the value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresStatement: CustomStringConvertible {
    /// The SQL text, without parameters.
    public var description: String { sql }
}

extension ByteWriter {
    mutating func write(text: String) throws(PostgresError) {
        var text = text
        let hasNUL = text.withUTF8 { utf8 in
            if let start = utf8.baseAddress, memchr(start, 0, utf8.count) != nil { return true }
            write(UnsafeRawBufferPointer(utf8))
            return false
        }
        if hasNUL { throw PostgresError(.invalidParameter, "text holds a NUL character") }
    }

    mutating func write(jsonb: [UInt8]) throws(PostgresError) {
        let hasNUL = jsonb.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress, memchr(start, 0, bytes.count) != nil { return true }
            reserve(bytes.count + 1)
            write(UInt8(1))  // the version of jsonb's binary format
            write(bytes)
            return false
        }
        if hasNUL { throw PostgresError(.invalidParameter, "JSON holds a NUL byte") }
    }

    mutating func write(uuid: UUID) {
        withUnsafeBytes(of: uuid.uuid) { write($0) }
    }

    mutating func write(timestamp: Int64) throws(PostgresError) {
        guard let value = Epoch2000.server(timestamp) else {
            throw PostgresError(.invalidParameter, "a time is out of Postgres's range")
        }
        write(value)
    }

    /// One dimension with lower bound 1; each element is its length and its bytes, or length -1 for NULL.
    mutating func write<Element>(
        array: [Element?], of type: UInt32,
        _ writeElement: (inout ByteWriter, Element) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        reserve(20 + array.count * (4 + MemoryLayout<Element>.size))
        write(Int32(array.isEmpty ? 0 : 1))
        let flags = count
        write(Int32(0))
        write(type)
        if array.isEmpty { return }
        guard array.count <= Int(Int32.max) else { throw PostgresError(.invalidParameter, "an array is too long") }
        write(Int32(array.count))
        write(Int32(1))
        var hasNull = false
        for element in array {
            guard let element else {
                hasNull = true
                write(Int32(-1))
                continue
            }
            let start = count
            write(Int32(0))
            try writeElement(&self, element)
            guard let length = Int32(exactly: count - start - 4) else {
                throw PostgresError(.invalidParameter, "an array's element is too long")
            }
            overwrite(length, at: start)
        }
        if hasNull { overwrite(1, at: flags) }
    }
}
