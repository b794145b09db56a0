import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import class FoundationEssentials.JSONEncoder

/// The data of one type of event.
///
/// Events are never rewritten. When the shape of a type changes, `schemaVersion` grows and `upcast` reads the older shapes.
public protocol EventData: Codable, Sendable {
    /// The dotted name in the past tense, for example `request.authorized`.
    static var type: String { get }
    /// The newest version of the shape, which new events are written in.
    static var schemaVersion: Int32 { get }

    /// Reads data that was written in an older version than `schemaVersion`.
    static func upcast(_ data: [UInt8], from version: Int32) throws(EventError) -> Self

    /// Writes the data as one JSON object. The default goes through `Codable`; the events of the request path write themselves.
    func encodeJSON(into writer: inout JSONWriter) throws(EventError)
}

extension EventData {
    public static var schemaVersion: Int32 { 1 }

    public static func upcast(_ data: [UInt8], from version: Int32) throws(EventError) -> Self {
        throw EventError(.unknownType, "\(type) in schema version \(version) is not known")
    }

    public func encodeJSON(into writer: inout JSONWriter) throws(EventError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text: Data
        do { text = try encoder.encode(self) } catch {
            throw EventError(.encodingFailed, "\(Self.type) could not be written as JSON")
        }
        writer.raw(Array(text))
    }

    /// Reads data of any known version as the newest shape.
    public static func decode(_ data: [UInt8], schemaVersion version: Int32) throws(EventError) -> Self {
        if version > schemaVersion || version < 1 {
            throw EventError(.unknownType, "\(type) in schema version \(version) is not known")
        }
        if version < schemaVersion { return try upcast(data, from: version) }
        do { return try JSONDecoder().decode(Self.self, from: Data(data)) } catch {
            throw EventError(.decodingFailed, "the data of \(type) is not of its shape: \(Self.where(error))")
        }
    }

    /// The place of a decoding error, without any value.
    private static func `where`(_ error: any Error) -> String {
        let path: [any CodingKey] =
            switch error as? DecodingError {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context.codingPath
            default: []
            }
        return path.isEmpty ? "not an object of this type" : path.map(\.stringValue).joined(separator: ".")
    }
}
