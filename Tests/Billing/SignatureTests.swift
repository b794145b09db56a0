import Crypto
import Foundation
import TestSupport
import Testing

@testable import Billing

@Suite struct SignatureTests {
    private let body = Array(#"{"id":"evt_1","type":"charge.refunded"}"#.utf8)
    private let now: Int64 = 1_800_000_000

    private func code(_ secret: String, _ time: Int64, _ body: [UInt8]) -> String {
        let signed = Array("\(time).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: Array(secret.utf8)))
        return code.map { String(format: "%02x", $0) }.joined()
    }

    private func refusal(_ header: String, _ body: [UInt8], _ secrets: [String], now: Int64) -> StripeSignature.Refusal? {
        do throws(StripeSignature.Refusal) {
            try StripeSignature(header: header).check(body: body, secrets: secrets, now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test func aSignatureOfEitherSecretIsBelieved() {
        let secrets = ["whsec_new", "whsec_old"]
        for secret in secrets {
            #expect(refusal("t=\(now),v1=\(code(secret, now, body))", body, secrets, now: now) == nil)
        }
        let both = "t=\(now),v1=\(code("whsec_gone", now, body)),v1=\(code("whsec_old", now, body)),v0=00"
        #expect(refusal(both, body, secrets, now: now) == nil)
        #expect(refusal("t=\(now),v1=\(code("whsec_gone", now, body))", body, secrets, now: now) == .wrong)
        #expect(refusal("t=\(now),v1=\(code("whsec_new", now, body))", body, [], now: now) == .wrong)
    }

    @Test func whatWasAlteredIsRefused() {
        let secret = "whsec_1"
        let good = code(secret, now, body)
        for index in body.indices {
            var altered = body
            altered[index] ^= 1
            #expect(refusal("t=\(now),v1=\(good)", altered, [secret], now: now) == .wrong)
        }
        // A proxy that writes the same JSON in another way.
        let reencoded = Array(#"{"id": "evt_1", "type": "charge.refunded"}"#.utf8)
        #expect(refusal("t=\(now),v1=\(good)", reencoded, [secret], now: now) == .wrong)
        // The time is signed too.
        #expect(refusal("t=\(now + 1),v1=\(good)", body, [secret], now: now) == .wrong)
    }

    @Test func aSignatureHoldsForFiveMinutes() {
        let secret = "whsec_1"
        for (age, expected) in [
            (Int64(0), nil), (300, nil), (-300, nil), (301, .stale), (-301, .stale), (600, .stale), (-600, .stale),
            (.max / 2, .stale),
        ] as [(Int64, StripeSignature.Refusal?)] {
            let time = now - age
            #expect(
                refusal("t=\(time),v1=\(code(secret, time, body))", body, [secret], now: now)
                    == (time < 0 ? .malformed : expected),
                "\(age)")
        }
    }

    @Test func malformedHeadersAreRefused() {
        let good = code("whsec_1", now, body)
        for header in [
            "", "t=", "v1=\(good)", "t=\(now)", "t=\(now),v1=", "t=\(now),v1=zz", "t=\(now),v1=\(good.dropLast())",
            "t=\(now),t=\(now),v1=\(good)", "t=-1,v1=\(good)", "t=9223372036854775808,v1=\(good)", "t=\(now);v1=\(good)", ",,,",
            "t=\(now)," + String(repeating: "v1=\(good),", count: 9),
        ] {
            #expect(refusal(header, body, ["whsec_1"], now: now) == .malformed, "\(header)")
        }
    }

    @Test func randomBytesNeverPass() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("signatures"))
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                UInt8.random(in: 0x20...0x7E, using: &generator)
            }
            #expect(refusal(String(decoding: bytes, as: UTF8.self), body, ["whsec_1"], now: now) != nil)
        }
    }
}
