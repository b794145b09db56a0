import Crypto
import Foundation
import TestSupport
import Testing

@testable import Identity

@Suite struct PasswordTests {
    @Test func scryptIsThatOfTheRFC() throws {
        // RFC 7914, section 12, the first 32 bytes of the second vector.
        let expected: [UInt8] = [
            0xFD, 0xBA, 0xBE, 0x1C, 0x9D, 0x34, 0x72, 0x00, 0x78, 0x56, 0xE7, 0x19, 0x0D, 0x01, 0xE9, 0xFE, 0x7C, 0x6A, 0xD7,
            0xCB,
            0xC8, 0x23, 0x78, 0x30, 0xE7, 0x73, 0x76, 0x63, 0x4B, 0x37, 0x31, 0x62,
        ]
        let stored = PasswordHash(
            cost: PasswordCost(rounds: 1024, blockSize: 8, parallelism: 16), salt: Array("NaCl".utf8), hash: expected)
        #expect(try stored.matches("password"))
        #expect(try !stored.matches("Password"))
    }

    @Test func hashesAreSalted() throws {
        let cost = PasswordCost(rounds: 16, blockSize: 1, parallelism: 1)
        let one = try PasswordHash(of: "correct horse", cost: cost)
        let other = try PasswordHash(of: "correct horse", cost: cost)
        #expect(one.salt != other.salt && one.hash != other.hash)
        #expect(try one.matches("correct horse") && other.matches("correct horse"))
    }

    @Test func theUsualCostIsOneThatTheLibraryTakes() throws {
        let hash = try PasswordHash(of: "correct horse", cost: PasswordCost())
        #expect(hash.cost.rounds * hash.cost.blockSize * hash.cost.parallelism >= 3 << 18)
    }

    @Test func comparisonsFindEveryDifference() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("constant time"))
        for _ in 0..<200 {
            let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            var other = bytes
            other[Int.random(in: 0..<32, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(ConstantTime.equal(bytes, bytes))
            #expect(!ConstantTime.equal(bytes, other))
            #expect(!ConstantTime.equal(bytes, Array(bytes.dropLast())))
        }
        #expect(ConstantTime.equal([], []))
    }

    /// Secrets are compared by `ConstantTime` or by a look-up of their digest, and by nothing else.
    @Test func noSourceComparesSecretsByEquality() throws {
        let folder = TestEnvironment.root + "/Sources/Identity"
        let files = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
        let swift = files.filter { $0.hasSuffix(".swift") }
        #expect(swift.count > 20)
        for file in swift {
            for line in try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8).split(separator: "\n") {
                #expect(
                    line.firstMatch(of: /\b(hash|secret|digest|signature|challenge|state|nonce|verifier)\b\s*[=!]=/) == nil,
                    "\(file): \(line)")
            }
        }
    }

    @Test func base64URLIsThatOfTheRFCAndUnambiguous() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("base64url"))
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let text = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
                "=", with: "")
            #expect(Base64URL.encode(bytes) == text)
            #expect(Base64URL.decode(text) == bytes)
        }
        for wrong in ["A", "AB", "AA=", "AA==", "A+", "a b", "AAAAA", "é", "AAB"] where wrong != "AA" {
            #expect(Base64URL.decode(wrong) == nil, "\(wrong)")
        }
    }

    @Test func tokensHideThemselvesAndAreDifferent() {
        let tokens = (0..<100).map { _ in SecretToken() }
        #expect(Set(tokens.map(\.secret)).count == 100)
        for token in tokens {
            #expect(!"\(token)".contains(token.secret))
            #expect(SecretToken(token.secret) == token)
            #expect(token.digest == Array(SHA256.hash(data: Data(token.secret.utf8))))
        }
        #expect(SecretToken("short") == nil)
        #expect(SecretToken(String(repeating: "'", count: 43)) == nil)
    }
}
