import TestSupport
import Testing

@testable import Identity

@Suite struct CBORTests {
    @Test(arguments: [
        // RFC 8949, appendix A
        ("00", CBOR.integer(0)), ("17", .integer(23)), ("1818", .integer(24)), ("1903e8", .integer(1000)),
        ("1a000f4240", .integer(1_000_000)), ("1b7fffffffffffffff", .integer(.max)), ("20", .integer(-1)),
        ("3903e7", .integer(-1000)),
        ("3b7fffffffffffffff", .integer(.min)), ("f4", .bool(false)), ("f5", .bool(true)), ("f6", .null), ("40", .bytes([])),
        ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("62c3bc", .text("\u{c3}\u{bc}")), ("80", .array([])),
        ("8301820203820405", .array([.integer(1), .array([.integer(2), .integer(3)]), .array([.integer(4), .integer(5)])])),
        ("a0", .map([:])),
        ("a26161016162820203", .map([.text("a"): .integer(1), .text("b"): .array([.integer(2), .integer(3)])])),
    ])
    func valuesOfTheRFCAreRead(hex: String, value: CBOR) throws {
        let expected: CBOR = hex == "62c3bc" ? .text("ü") : value
        #expect(try CBORReader.read(Self.bytes(hex)) == expected)
    }

    @Test(arguments: [
        "", "18", "1b8000000000000000", "3bffffffffffffffff", "5f41014102ff", "9f01ff", "bf6161ff", "f7", "f97e00",
        "fb3ff199999999999a",
        "c11a514b67b0", "1c", "42 01", "a1", "a161", "a2616101616102", "62ffff", "0000", "5bffffffffffffffff",
        "9bffffffffffffffff",
        "bb7fffffffffffffff", "81818181818181818181818100",
    ])
    func whatIsNotOfTheSubsetIsRefused(hex: String) {
        #expect(throws: CBORReader.Failure.self) { try CBORReader.read(Self.bytes(hex)) }
    }

    @Test func noBytesBreakTheReader() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("cbor"))
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            _ = try? CBORReader.read(bytes)
            _ = AuthenticatorData([UInt8](repeating: 0, count: 32) + bytes)
        }
    }

    @Test func keysMustBeOnTheirCurveAndOfTheirAlgorithm() throws {
        func key(_ cose: [UInt8]) -> CredentialKey? { (try? CBORReader.read(cose)).flatMap { CredentialKey($0) } }
        for algorithm in CredentialKey.Algorithm.allCases {
            let cose = try SoftAuthenticator(algorithm).cose()
            #expect(key(cose)?.algorithm == algorithm)
            var other = cose
            other[2] = other[2] == 2 ? 1 : 2
            #expect(key(other) == nil, "another kind of key")
        }
        var point = try SoftAuthenticator(.es256).cose()
        point[point.count - 1] ^= 1
        #expect(key(point) == nil, "a point beside the curve")
        // ES384 (-35) is not offered.
        #expect(CredentialKey(.map([.integer(1): .integer(2), .integer(3): .integer(-35)])) == nil)
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter { $0 != " " }
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) }
    }
}
