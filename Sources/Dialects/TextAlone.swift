internal import JSON

extension JSONValue {
    /// The value where it is a string; nil where it is anything else.
    ///
    /// Signatures and ids of an answer are handed on in deeper places than they came from. What has parts of its own there could nest
    /// too deeply for any reader.
    var asText: JSONValue? { text == nil ? nil : self }
}
