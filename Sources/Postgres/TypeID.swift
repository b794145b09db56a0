/// Object ids of the built-in types (`pg_type.dat`); they never change.
enum TypeID {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let char: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let xid: UInt32 = 28
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let int8Array: UInt32 = 1016
    static let timestamptz: UInt32 = 1184
    static let timestamptzArray: UInt32 = 1185
    static let numeric: UInt32 = 1700
    static let regclass: UInt32 = 2205
    static let uuid: UInt32 = 2950
    static let uuidArray: UInt32 = 2951
    static let lsn: UInt32 = 3220
    static let jsonb: UInt32 = 3802
    static let jsonbArray: UInt32 = 3807
    static let xid8: UInt32 = 5069
    /// Types below this one are built in; enums of a schema lie above.
    static let firstOfUsers: UInt32 = 16_384
}

/// Postgres counts microseconds from 2000-01-01 UTC.
enum Epoch2000 {
    static let offset: Int64 = 946_684_800_000_000

    /// The extremes are the infinities on both sides; a time too early for Postgres's epoch is nil.
    static func server(_ microseconds: Int64) -> Int64? {
        if microseconds == .min || microseconds == .max { return microseconds }
        let (shifted, overflow) = microseconds.subtractingReportingOverflow(offset)
        return overflow ? nil : shifted
    }

    static func client(_ microseconds: Int64) -> Int64? {
        if microseconds == .min || microseconds == .max { return microseconds }
        let (shifted, overflow) = microseconds.addingReportingOverflow(offset)
        return overflow ? nil : shifted
    }
}
