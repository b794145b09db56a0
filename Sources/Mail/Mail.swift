internal import Ledger

/// One message of plain text to one person.
public struct Mail: Sendable, Hashable {
    /// The mailbox, `name@example.org`: ASCII without spaces, angle brackets or line ends.
    public let recipient: String
    /// One line.
    public let subject: String
    /// Lines that end with `\n`.
    public let text: String

    /// A message, or nil when the recipient or the subject could carry a header of its own.
    public init?(to recipient: String, subject: String, text: String) {
        guard MailAddress.isSafe(recipient), !subject.utf8.contains(where: { $0 < 0x20 || $0 > 0x7E }) else { return nil }
        self.recipient = recipient
        self.subject = subject
        self.text = text
    }

    /// The message as RFC 5322 wants it on the wire.
    func rendered(from sender: String, id: String, at time: Timestamp) -> [UInt8] {
        let domain = sender.split(separator: "@").last ?? "localhost"
        let head = [
            "From: \(sender)", "To: \(recipient)", "Subject: \(subject)", "Date: \(MailDate.text(time))",
            "Message-ID: <\(id)@\(domain)>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit", "Auto-Submitted: auto-generated",
        ]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.filter { $0 != "\r" } }
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n" + lines.joined(separator: "\r\n")).utf8)
    }
}

/// Which addresses may stand in a header and in an SMTP command.
enum MailAddress {
    static func isSafe(_ address: String) -> Bool {
        let bytes = Array(address.utf8)
        guard (3...254).contains(bytes.count), bytes.filter({ $0 == UInt8(ascii: "@") }).count == 1 else { return false }
        return bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>()[]\\,;:\"".utf8.contains($0) }
    }
}

/// Dates as mail writes them, `Tue, 24 Nov 2026 20:33:40 +0000`.
enum MailDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func text(_ time: Timestamp) -> String {
        // `2026-11-24T20:33:40.123456Z`
        let parts = time.iso8601.split(separator: "T")
        let date = parts[0].split(separator: "-")
        let month = months[max(0, min(11, (Int(date[1]) ?? 1) - 1))]
        let weekday = days[Int(((time.seconds / 86_400) % 7 + 7) % 7)]
        return "\(weekday), \(date[2]) \(month) \(date[0]) \(parts[1].prefix(8)) +0000"
    }
}
