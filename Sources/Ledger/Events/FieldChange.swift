/// A field of an `.updated` event: absent means unchanged, null means taken away.
public enum FieldChange<Value: Codable & Sendable & Hashable>: Sendable, Hashable {
    case unchanged
    case cleared
    case set(Value)
}

extension KeyedEncodingContainer {
    mutating func encode<Value>(_ change: FieldChange<Value>, forKey key: Key) throws {
        switch change {
        case .unchanged: break
        case .cleared: try encodeNil(forKey: key)
        case .set(let value): try encode(value, forKey: key)
        }
    }
}

extension KeyedDecodingContainer {
    func decodeChange<Value>(_ type: Value.Type, forKey key: Key) throws -> FieldChange<Value> {
        guard contains(key) else { return .unchanged }
        if try decodeNil(forKey: key) { return .cleared }
        return .set(try decode(Value.self, forKey: key))
    }
}
