/// E-mail addresses as people give them. An account, an invitation and a bill keep to one rule: who was invited by an address that
/// no account can have would never come.
public enum EmailText {
    /// Whether it can be an address: something before and after one @, and nothing that could carry a mail elsewhere. Whether it
    /// exists, the mail tells.
    public static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[1].contains("."), !parts[1].hasPrefix("."), !parts[1].hasSuffix(".")
        else {
            return false
        }
        // The lengths of RFC 5321, section 4.5.3.1.
        return text.utf8.count <= 254 && parts[0].utf8.count <= 64
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>()[]\\,;:\"".utf8.contains($0) }
    }

    /// The address in lower case.
    ///
    /// - Throws: 400 that names the field, for what can't be an address.
    public static func check(_ text: String, field: String) throws(WebError) -> String {
        guard isAddress(text) else { throw WebError.invalid(field, "\(field) must be an e-mail address.") }
        return text.lowercased()
    }
}
