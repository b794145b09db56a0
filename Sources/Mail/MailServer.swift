internal import CCurl

/// An SMTP server, spoken to through libcurl. Certificates are always verified.
public struct MailServer: Sendable {
    private let url: String
    private let requiresTLS: Bool
    private let certificateAuthorities: String?

    /// How long a delivery may take, from the name lookup to the server's last answer.
    static let deadline = Duration.seconds(30)

    /// Why a message was not taken.
    struct Failure: Error, CustomStringConvertible {
        /// True when the server will answer the same again: a 5xx.
        let isPermanent: Bool
        let description: String
    }

    /// libcurl wants this once, before any other thread uses it; repeating it does no harm.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    /// - Parameters:
    ///   - url: `smtp://host:587` or `smtps://host:465`, with `user:password@` where the server wants it; a password is never
    ///     sent without TLS.
    ///   - certificateAuthorities: PEM file of whom to trust; nil takes the system's.
    /// - Returns: nil when the URL is of another kind.
    public init?(url: String, certificateAuthorities: String? = nil) {
        guard url.hasPrefix("smtp://") || url.hasPrefix("smtps://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        self.url = url
        requiresTLS = url.contains("@")
        self.certificateAuthorities = certificateAuthorities
    }

    /// What is left to send. A class, because libcurl's callback gets a pointer to it.
    private final class Upload {
        let bytes: [UInt8]
        var sent = 0
        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Hands over one message; blocks, at most for the deadline.
    func deliver(_ bytes: [UInt8], from sender: String, to recipient: String) throws(Failure) {
        guard Self.isReady, let easy = curl_easy_init() else {
            throw Failure(isPermanent: false, description: "libcurl could not be initialized")
        }
        defer { curl_easy_cleanup(easy) }
        let recipients = curl_slist_append(nil, "<\(recipient)>")
        defer { curl_slist_free_all(recipients) }
        ccurl_set_string(easy, CURLOPT_URL, url)
        ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        ccurl_set_string(easy, CURLOPT_PROXY, "")
        ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, 10_000)
        ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, Int(Self.deadline.components.seconds) * 1000)
        // A server on this machine may have no certificate; a password asks for TLS.
        ccurl_set_long(easy, CURLOPT_USE_SSL, requiresTLS ? Int(CURLUSESSL_ALL.rawValue) : Int(CURLUSESSL_TRY.rawValue))
        ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1)
        ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2)
        if let certificateAuthorities { ccurl_set_string(easy, CURLOPT_CAINFO, certificateAuthorities) }
        ccurl_set_string(easy, CURLOPT_MAIL_FROM, "<\(sender)>")
        ccurl_set_list(easy, CURLOPT_MAIL_RCPT, recipients)
        ccurl_set_long(easy, CURLOPT_UPLOAD, 1)
        ccurl_set_read(easy, Self.readMessage)
        let upload = Upload(bytes)
        ccurl_set_pointer(easy, CURLOPT_READDATA, Unmanaged.passUnretained(upload).toOpaque())
        let code = withExtendedLifetime(upload) { curl_easy_perform(easy) }
        guard code != CURLE_OK else { return }
        var answer = 0
        ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &answer)
        throw Failure(
            isPermanent: (500..<600).contains(answer),
            description: "\(String(cString: curl_easy_strerror(code))), last answer \(answer)")
    }

    private static let readMessage: curl_read_callback = { buffer, size, count, context in
        guard let buffer, let context else { return 0 }
        let upload = Unmanaged<Upload>.fromOpaque(context).takeUnretainedValue()
        let length = min(size * count, upload.bytes.count - upload.sent)
        upload.bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(buffer).copyMemory(from: start + upload.sent, byteCount: length)
        }
        upload.sent += length
        return length
    }
}
