import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TypeTests {
    /// Sends a value, has the server cast it to the type's name and back, and reads it.
    private func roundTrip<T: PostgresDecodable & Equatable>(
        _ connection: PostgresConnection, _ value: PostgresValue, _ type: String, _ expected: T,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let rows = try await connection.query("SELECT $1::\(type)", [value])
        #expect(try rows[0].decode(0, as: T.self) == expected, "\(type)", sourceLocation: sourceLocation)
    }

    @Test func everyTypeReturnsAsItWasSent() async throws {
        try await withConnection { c in
            let id = UUID()
            let json = Array(#"{"a": "é\u0041", "b": [1, 2.50, null]}"#.utf8)
            let normalized = Array(#"{"a": "éA", "b": [1, 2.50, null]}"#.utf8)
            try await roundTrip(c, .bool(true), "bool", true)
            try await roundTrip(c, .int4(.min), "int4", Int32.min)
            try await roundTrip(c, .int8(.min), "int8", Int64.min)
            try await roundTrip(c, .int8(7), "int8", 7)
            try await roundTrip(c, .text("ünï\u{1F600}\n'"), "text", "ünï\u{1F600}\n'")
            try await roundTrip(c, .text(""), "text", "")
            try await roundTrip(c, .bytea([0, 1, 255, 0]), "bytea", [UInt8]([0, 1, 255, 0]))
            try await roundTrip(c, .bytea([]), "bytea", [UInt8]())
            try await roundTrip(c, .uuid(id), "uuid", id)
            try await roundTrip(c, .jsonb(json), "jsonb", normalized)
            try await roundTrip(c, .jsonb(json), "jsonb", String(decoding: normalized, as: UTF8.self))
            try await roundTrip(c, .float8(-0.1), "float8", -0.1)
            try await roundTrip(c, .float8(.infinity), "float8", Double.infinity)
            try await roundTrip(c, .timestamptz(1), "timestamptz", PostgresTimestamp(microseconds: 1))
            try await roundTrip(c, .timestamptz(.max), "timestamptz", PostgresTimestamp(microseconds: .max))
            try await roundTrip(c, .null, "int8", Int64?.none)
            try await roundTrip(c, .int4Array([1, nil, -3]), "int4[]", [Int32?]([1, nil, -3]))
            try await roundTrip(c, .int8Array([.max, .min]), "int8[]", [Int64.max, .min])
            try await roundTrip(c, .int8Array([]), "int8[]", [Int64]())
            try await roundTrip(c, .textArray(["a,b", nil, "", "NULL", "\"{"]), "text[]", ["a,b", nil, "", "NULL", "\"{"])
            try await roundTrip(c, .uuidArray([id, nil]), "uuid[]", [id, nil])
            try await roundTrip(c, .jsonbArray([json, nil]), "jsonb[]", [normalized, nil])
            try await roundTrip(
                c, .timestamptzArray([0, nil]), "timestamptz[]", [PostgresTimestamp(microseconds: 0), nil])
            try await roundTrip(c, .byteaArray([[0], [], nil]), "bytea[]", [[UInt8]?]([[0], [], nil]))
            try await roundTrip(c, .boolArray([true, nil, false]), "bool[]", [true, nil, false])
        }
    }

    @Test func timesMeanWhatTheServerMeans() async throws {
        try await withConnection { c in
            let rows = try await c.query(
                "SELECT $1::timestamptz::text, '2001-02-03 04:05:06.000007+00'::timestamptz, 'infinity'::timestamptz",
                [.timestamptz(1_700_000_000_123_456)])
            #expect(try rows[0].decode(0, as: String.self) == "2023-11-14 22:13:20.123456+00")
            #expect(try rows[0].decode(1, as: PostgresTimestamp.self).microseconds == 981_173_106_000_007)
            #expect(try rows[0].decode(2, as: PostgresTimestamp.self).microseconds == .max)
        }
    }

    @Test(arguments: [
        "0", "0.00", "1", "-1", "12.50", "-0.001", "10000", "99999999999999999999.000000001", "0.00010000", "1e10", "NaN",
        "Infinity", "-Infinity", "100000000", "0.0000000000001",
    ])
    func numericsAreExact(_ text: String) async throws {
        try await withConnection { c in
            let rows = try await c.query("SELECT v, v::text FROM (SELECT $1::text::numeric AS v) x", [.text(text)])
            #expect(try rows[0].decode(0, as: PostgresNumeric.self).text == rows[0].decode(1, as: String.self))
        }
    }

    @Test(
        arguments: [
            ("-7", -7), ("9223372036854775807", .max), ("9223372036854775808", .max), ("-99999999999999999999", .min),
            ("1.5", nil), ("NaN", nil),
        ] as [(String, Int64?)])
    func whatIsBeyondAnInt64IsItsExtreme(_ text: String, _ expected: Int64?) async throws {
        try await withConnection { c in
            let rows = try await c.query("SELECT $1::text::numeric", [.text(text)])
            #expect(try rows[0].decode(0, as: PostgresNumeric.self).clamped == expected)
        }
    }

    @Test func smallerAndSpecialTypesAreRead() async throws {
        try await withConnection { c in
            let row = try await c.query(
                """
                SELECT 3::int2, 4::int4, 5::oid, 1.5::float4, 'n'::name, 'v'::varchar(5), 'c'::char(3), '[1]'::json, '6'::xid8,
                    current_setting('TimeZone'), current_setting('client_encoding'), current_setting('DateStyle')
                """)[0]
            #expect(try row.decode(0, as: Int32.self) == 3)
            #expect(try row.decode(1, as: Int.self) == 4)
            #expect(try row.decode(2, as: Int64.self) == 5)
            #expect(try row.decode(3, as: Double.self) == 1.5)
            #expect(try row.decode(4, as: String.self) == "n")
            #expect(try row.decode(5, as: String.self) == "v")
            #expect(try row.decode(6, as: String.self) == "c  ")
            #expect(try row.decode(7, as: [UInt8].self) == Array("[1]".utf8))
            #expect(try row.decode(8, as: Int64.self) == 6)
            #expect(try row.decode(9, as: String.self) == "UTC")
            #expect(try row.decode(10, as: String.self) == "UTF8")
            #expect(try row.decode(11, as: String.self) == "ISO, YMD")
        }
    }

    @Test func wrongTypesAndColumnsAreErrorsThatShowNoData() async throws {
        try await withConnection { c in
            let row = try await c.query("SELECT 'secret'::text AS t, NULL::int8 AS n, ARRAY[[1],[2]] AS m, ARRAY[1,NULL] AS o")[0]
            for attempt: @Sendable () throws -> Void in [
                { _ = try row.decode("t", as: Int64.self) }, { _ = try row.decode("n", as: Int64.self) },
                { _ = try row.decode(9, as: Int64.self) }, { _ = try row.decode("missing", as: Int64.self) },
                { _ = try row.decode("m", as: [Int64].self) }, { _ = try row.decode("o", as: [Int64].self) },
                { _ = try row.decode("t", as: [Int64].self) },
            ] {
                let error = await failure { try attempt() }
                #expect(error?.code == .decodingFailed)
                #expect(error.map { "\($0)".contains("secret") } == false)
            }
            #expect(row.withBytes(0) { $0.map { Array($0) } } == Array("secret".utf8))
            #expect(row.withBytes(1) { $0 == nil })
        }
    }

    @Test func textWithNULIsRefusedBeforeItIsSent() async throws {
        try await withConnection { c in
            for value: PostgresValue in [
                .text("a\0b"), .textArray(["ok", "\0"]), .jsonb([0x31, 0]), .jsonbArray([[0]]), .timestamptz(.min + 1),
            ] {
                let error = await failure { try await c.query("SELECT $1", [value]) }
                #expect(error?.code == .invalidParameter)
                #expect(error?.outcomeUnknown == false)
            }
            #expect(await failure { try await c.query("SELECT 1\0") }?.code == .invalidParameter)
            #expect(await failure { try await c.script("SELECT 1\0") }?.code == .invalidParameter)
            let many = [PostgresValue](repeating: .int4(1), count: 65_536)
            #expect(await failure { try await c.query("SELECT 1", many) }?.code == .invalidParameter)
            try await c.query("SELECT 1")
        }
    }

    @Test func randomValuesSurviveARoundTrip() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("values of Postgres"))
        try await withConnection { c in
            for _ in 0..<200 {
                let text = (0..<Int.random(in: 0...200, using: &random)).map { _ in randomScalar(&random) }
                let string = String(String.UnicodeScalarView(text))
                let bytes = (0..<Int.random(in: 0...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                let count = Int.random(in: 0...50, using: &random)
                func optional<T>(_ make: (inout SeededGenerator) -> T) -> [T?] {
                    (0..<count).map { _ in Int.random(in: 0...3, using: &random) == 0 ? nil : make(&random) }
                }
                let integers = optional { Int64.random(in: .min ... .max, using: &$0) }
                let texts = optional { random in "\(randomScalar(&random))\(Int.random(in: 0...9, using: &random))" }
                let blobs = optional { random in [UInt8](repeating: 7, count: Int.random(in: 0...9, using: &random)) }
                let double = Double(bitPattern: .random(in: .min ... .max, using: &random))
                // Postgres's times lie between 4713 BC and AD 294276.
                let time = Int64.random(in: -210_866_803_200_000_000...9_223_371_331_199_999_999, using: &random)
                let row = try await c.query(
                    "SELECT $1::text, $2::bytea, $3::int8[], $4::text[], $5::bytea[], $6::float8, $7::timestamptz",
                    [
                        .text(string), .bytea(bytes), .int8Array(integers), .textArray(texts), .byteaArray(blobs),
                        .float8(double), .timestamptz(time),
                    ])[0]
                #expect(try row.decode(0, as: String.self).unicodeScalars.elementsEqual(string.unicodeScalars))
                #expect(try row.decode(1, as: [UInt8].self) == bytes)
                #expect(try row.decode(2, as: [Int64?].self) == integers)
                #expect(try row.decode(3, as: [String?].self) == texts)
                #expect(try row.decode(4, as: [[UInt8]?].self) == blobs)
                #expect(try row.decode(5, as: Double.self).bitPattern == double.bitPattern || double.isNaN)
                #expect(try row.decode(6, as: PostgresTimestamp.self).microseconds == time)
            }
        }
    }

    private func randomScalar(_ random: inout SeededGenerator) -> Unicode.Scalar {
        while true {
            if let scalar = Unicode.Scalar(UInt32.random(in: 1...0x10FFFF, using: &random)) { return scalar }
        }
    }
}
