/// A member of a request's body that may be left out, null, or given: the three mean different things to a PATCH.
public enum Field<Value: Decodable & Sendable>: Decodable, Sendable {
    case absent
    case null
    case value(Value)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = container.decodeNil() ? .null : .value(try container.decode(Value.self))
    }

    /// The value when one was given.
    public var given: Value? {
        if case .value(let value) = self { value } else { nil }
    }

    public var isAbsent: Bool {
        if case .absent = self { true } else { false }
    }

    public var isNull: Bool {
        if case .null = self { true } else { false }
    }
}

extension KeyedDecodingContainer {
    /// What the synthesized `init(from:)` of a body calls for a ``Field``: one that is left out is no error.
    public func decode<Value>(_ type: Field<Value>.Type, forKey key: Key) throws -> Field<Value> {
        guard contains(key) else { return .absent }
        return try decodeNil(forKey: key) ? .null : .value(try decode(Value.self, forKey: key))
    }
}
