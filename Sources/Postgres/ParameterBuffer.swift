/// The parameters of one statement in Postgres's binary format, in one buffer that is used again for the next statement.
///
/// libpq copies what it is given, so the pointers need to live only for the call.
final class ParameterBuffer {
    private(set) var types: [UInt32] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var pointers: [UnsafePointer<CChar>?] = []
    private var writer = ByteWriter()

    /// Replaces what the buffer holds. Throws `invalidParameter` for what Postgres could not take.
    func encode(_ values: [PostgresValue]) throws(PostgresError) {
        guard values.count <= 65_535 else { throw PostgresError(.invalidParameter, "a statement has at most 65535 parameters") }
        types.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        writer.reset()
        for (index, value) in values.enumerated() {
            types.append(value.type)
            if case .null = value {
                offsets.append(-1)
                lengths.append(0)
                continue
            }
            let start = writer.count
            do {
                try value.write(to: &writer)
            } catch {
                throw PostgresError(.invalidParameter, "parameter $\(index + 1): \(error.message)")
            }
            guard writer.count - start < 1 << 30 else {
                throw PostgresError(.invalidParameter, "parameter $\(index + 1) has a gibibyte or more")
            }
            offsets.append(start)
            lengths.append(Int32(writer.count - start))
        }
        while formats.count < values.count { formats.append(1) }
    }

    /// Calls `body` with what PQsendQueryPrepared and PQsendQueryParams take.
    func withParameters<R>(
        _ body: (
            Int32, UnsafePointer<UInt32>?, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        pointers.removeAll(keepingCapacity: true)
        let base = UnsafePointer(writer.base.assumingMemoryBound(to: CChar.self))
        for offset in offsets { pointers.append(offset < 0 ? nil : base + offset) }
        return body(Int32(types.count), types, pointers, lengths, formats)
    }
}

/// A growing run of bytes in network byte order.
struct ByteWriter: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    private static let initialCapacity = 4096
    private static let keptCapacity = 8 << 20

    init() {
        capacity = Self.initialCapacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Empties the writer and gives back the memory that one unusually large statement needed.
    mutating func reset() {
        count = 0
        if capacity > Self.keptCapacity {
            base.deallocate()
            capacity = Self.initialCapacity
            base = .allocate(byteCount: capacity, alignment: 16)
        }
    }

    /// Makes room for `extra` more bytes.
    mutating func reserve(_ extra: Int) {
        let needed = count + extra
        guard needed > capacity else { return }
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    mutating func write<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        (base + count).storeBytes(of: value.bigEndian, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Overwrites four bytes that were written before.
    mutating func overwrite(_ value: Int32, at offset: Int) {
        (base + offset).storeBytes(of: value.bigEndian, as: Int32.self)
    }
}
