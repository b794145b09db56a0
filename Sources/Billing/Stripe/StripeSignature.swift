internal import Crypto
internal import Ledger

/// The signature of a webhook: `Stripe-Signature: t=1732800000,v1=hex,v1=hex`.
///
/// Source: Stripe's documentation, "Verify webhook signatures manually".
struct StripeSignature: Sendable {
    /// Why a webhook is not believed.
    enum Refusal: Error, Sendable, Equatable {
        case malformed
        /// Signed too long ago, or in the future.
        case stale
        case wrong
    }

    /// How far from now a signature may be, seconds.
    static let tolerance: Int64 = 300

    private let time: Int64
    private let timeText: String
    private let codes: [[UInt8]]

    /// - Throws: `malformed` without exactly one time or without a code of the scheme `v1`.
    init(header: String) throws(Refusal) {
        var times: [String] = []
        var codes: [[UInt8]] = []
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw .malformed }
            switch pair[0].drop(while: { $0 == " " }) {
            case "t": times.append(String(pair[1]))
            case "v1":
                guard let code = Hexadecimal.decode(pair[1]), code.count == SHA256.byteCount else { throw .malformed }
                codes.append(code)
            default: break
            }
        }
        guard times.count == 1, let time = Int64(times[0]), time >= 0, !codes.isEmpty, codes.count <= 8 else { throw .malformed }
        self.time = time
        timeText = times[0]
        self.codes = codes
    }

    /// - Parameters:
    ///   - body: As it came, byte by byte.
    ///   - secrets: Of the endpoint; during a rotation both the old and the new one.
    ///   - now: Seconds since 1970.
    func check(body: [UInt8], secrets: [String], now: Int64) throws(Refusal) {
        let (distance, overflow) = now.subtractingReportingOverflow(time)
        guard !overflow, distance.magnitude <= Self.tolerance.magnitude else { throw .stale }
        var isValid = false
        for secret in secrets {
            var authentication = HMAC<SHA256>(key: SymmetricKey(data: Array(secret.utf8)))
            authentication.update(data: Array("\(timeText).".utf8))
            authentication.update(data: body)
            let expected = authentication.finalize()
            // Every code is compared with every secret: how long it takes says nothing about which one was right.
            for code in codes where expected == code { isValid = true }
        }
        guard isValid else { throw .wrong }
    }
}
