internal import Catalogue
internal import Crypto
internal import JSON

/// Signs requests for Amazon's services with an access key
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
struct SigV4: Sendable {
    let accessKeyID: String
    let secret: String
    /// What a temporary access key has besides.
    var sessionToken: String?
    let region: String
    let service: String

    /// The headers that prove who sends `body` by POST as JSON. The `content-type` is signed and must be sent beside them.
    ///
    /// - Parameter time: seconds since 1970 UTC.
    func headers(url: String, body: [UInt8], time: Int64) -> [(String, String)] {
        let hash = SHA256.hash(data: body).hexadecimal
        let date = Self.date(time)
        var headers = [("x-amz-date", date), ("x-amz-content-sha256", hash)]
        if let sessionToken { headers.append(("x-amz-security-token", sessionToken)) }
        let (host, path) = Self.parts(url)
        let signed = headers + [("content-type", "application/json"), ("host", host)]
        let proof = authorization(method: "POST", path: path, headers: signed, bodyHash: hash, date: date)
        return [("authorization", proof)] + headers
    }

    /// The value of `authorization`.
    ///
    /// - Parameters:
    ///   - path: as it is sent, without a query.
    ///   - headers: those that are signed, with names in lower case.
    ///   - bodyHash: the hexadecimal SHA-256 of the body.
    ///   - date: as `x-amz-date` says it.
    func authorization(method: String, path: String, headers: [(String, String)], bodyHash: String, date: String) -> String {
        let sorted = headers.sorted { $0.0 < $1.0 }
        let names = sorted.map(\.0).joined(separator: ";")
        let lines = sorted.map { "\($0.0):\($0.1)\n" }.joined()
        // What is encoded in the path already is encoded again, as everywhere but at S3.
        let canonical = "\(method)\n\(Self.encoded(path, but: "/"))\n\n\(lines)\n\(names)\n\(bodyHash)"
        let day = String(date.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(SHA256.hash(data: Array(canonical.utf8)).hexadecimal)"
        var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
        for part in [day, region, service, "aws4_request"] { key = SymmetricKey(data: Self.code(part, key)) }
        let signature = Self.code(text, key).hexadecimal
        return "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }

    private static func code(_ text: String, _ key: SymmetricKey) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
    }

    /// `text` with every byte in percent form that is neither unreserved in a URL nor in `kept`.
    static func encoded(_ text: String, but kept: String = "") -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let plain = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~\(kept)".utf8)
        let bytes = text.utf8.flatMap { byte in
            plain.contains(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The host of a URL as the `host` header says it, and the path.
    static func parts(_ url: String) -> (host: String, path: String) {
        var rest = Substring(url)
        // The port that a scheme has anyway is not said.
        var port = ""
        for (scheme, standard) in [("https://", ":443"), ("http://", ":80")] where rest.hasPrefix(scheme) {
            rest.removeFirst(scheme.count)
            port = standard
            break
        }
        var host = rest.prefix { $0 != "/" }
        let path = rest[host.endIndex...]
        if !port.isEmpty, host.hasSuffix(port) { host.removeLast(port.count) }
        return (String(host), path.isEmpty ? "/" : String(path))
    }

    /// A moment as `20150830T123600Z`.
    static func date(_ time: Int64) -> String {
        let clock = [time % 86_400 / 3_600, time % 3_600 / 60, time % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
        return "\(CalendarDay.text(time * 1_000_000).filter { $0 != "-" })T\(clock)Z"
    }
}

extension SigV4 {
    /// What an account's key says, if it is an access key: `AKIA…:secret`, and the session token of a temporary one behind
    /// another colon. Anything without a colon is an API key of Bedrock.
    init?(bedrock account: Provider.Account) {
        let parts = account.apiKey.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map { String($0) }
        guard parts.count > 1 else { return nil }
        self.init(
            accessKeyID: parts[0], secret: parts[1], sessionToken: parts.count > 2 && !parts[2].isEmpty ? parts[2] : nil,
            region: Self.region(of: account), service: "bedrock")
    }

    /// The region of an account. A server that says its own takes no signature for another, so it goes before the option.
    static func region(of account: Provider.Account) -> String {
        let labels = parts(account.baseURL).host.lowercased().split(separator: ".")
        if let index = labels.firstIndex(where: { $0.hasPrefix("bedrock-runtime") }), index + 2 < labels.count,
            labels.contains("amazonaws") || labels.last == "aws"
        {
            return String(labels[index + 1])
        }
        return account.options["region"] ?? "us-east-1"
    }
}
