public import Ledger
public import Money

/// An amount of a request's body: US dollars as a decimal string with at most 9 places, `"23.45"`.
public struct DecimalText: Decodable, Sendable, Hashable {
    public let amount: NanoDollars

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            amount = try NanoDollars(decimal: text)
        } catch {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "it must be a decimal string such as \"23.45\" with at most 9 places")
        }
    }
}

/// A whole number of a request's body. One that is none, or too large, is refused with the member's name, which the decoder of a
/// bare integer does not say.
public struct WholeNumber: Decodable, Sendable, Hashable {
    public let value: Int64

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            value = try container.decode(Int64.self)
        } catch let error as DecodingError {
            throw error
        } catch {
            // An error of the decoder's own, which says nothing of the place.
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "it must be a whole number")
        }
    }
}

/// A time of a request's body: ISO-8601 with an offset or `Z`.
public struct TimeText: Decodable, Sendable, Hashable {
    public let time: Timestamp

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = Timestamp(iso8601: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "it must be a time such as \"2026-11-24T20:33:40Z\"")
        }
        self.time = time
    }
}

/// An identifier of a request's body in its prefixed form.
public struct IDText<Kind: IdentifierKind>: Decodable, Sendable, Hashable {
    public let id: Identifier<Kind>

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = Identifier<Kind>(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "it must be an identifier such as \(Kind.prefix)_…")
        }
        self.id = id
    }
}

/// Checks of texts that people give.
public enum WebText {
    /// A text of `length` characters without control characters other than, with `multiline`, line ends and tabs.
    ///
    /// - Throws: 400 that names the field.
    public static func check(
        _ text: String, field: String, length: ClosedRange<Int> = 1...255, multiline: Bool = false
    ) throws(WebError) -> String {
        guard length.contains(text.count), text.utf8.count <= length.upperBound * 16 else {
            throw WebError.invalid(
                field, "\(field) must have \(length.lowerBound) to \(length.upperBound) characters.")
        }
        let isClean = text.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 && scalar.value != 0x7F || multiline && (scalar == "\n" || scalar == "\r" || scalar == "\t")
        }
        guard isClean else { throw WebError.invalid(field, "\(field) must have no control characters.") }
        return text
    }
}
