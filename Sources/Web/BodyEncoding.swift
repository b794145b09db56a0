public import HTTPTypes

extension HTTPFields {
    /// How the body is encoded; nil where it is as it is. Nobody here decodes any, so that no small body becomes a large one
    /// (RFC 9110, 8.4 and 15.5.16).
    public var bodyEncoding: String? {
        guard let value = self[.contentEncoding], !value.isEmpty, value.lowercased() != "identity" else { return nil }
        return value
    }
}
