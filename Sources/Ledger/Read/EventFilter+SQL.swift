import Postgres

extension EventFilter {
    /// A condition on `ledger.events` and its parameters from `$1` on.
    struct Query {
        var condition: String
        var values: [PostgresValue]
    }

    func query(after position: Int64) -> Query {
        var conditions: [String] = []
        var values: [PostgresValue] = []
        func require(_ condition: String, _ value: PostgresValue) {
            values.append(value)
            conditions.append("\(condition) $\(values.count)")
        }
        require("position >", .int8(position))
        if let upTo { require("position <=", .int8(upTo)) }
        if let stream {
            require("stream_kind =", .text(stream.kind.rawValue))
            require("stream_id =", .uuid(stream.id))
        }
        if let streamKind { require("stream_kind =", .text(streamKind.rawValue)) }
        if !types.isEmpty {
            values.append(.textArray(types))
            conditions.append("type = ANY ($\(values.count))")
        }
        if let organization { require("organization =", .uuid(organization.uuid)) }
        if let recordedFrom { require("recorded_at >=", .timestamptz(recordedFrom.microseconds)) }
        if let recordedUntil { require("recorded_at <=", .timestamptz(recordedUntil.microseconds)) }
        if let occurredFrom { require("occurred_at >=", .timestamptz(occurredFrom.microseconds)) }
        if let occurredUntil { require("occurred_at <=", .timestamptz(occurredUntil.microseconds)) }
        if let clientRequestID { require("metadata ->> 'client_request_id' =", .text(clientRequestID)) }
        return Query(condition: conditions.joined(separator: " AND "), values: values)
    }
}
