internal import Ledger
internal import Money
internal import Web

/// What the bodies about API keys say, checked.
enum KeyBodies {
    struct New: Decodable, Sendable {
        let description: String
        let projectId: IDText<IdentifierKinds.Project>
        let usageLimit: Field<DecimalText>
        let periodUsageLimit: Field<DecimalText>
        let periodUsageDurationValue: Field<WholeNumber>
        let periodUsageDurationUnit: Field<PeriodLimit.Unit>
        let requestsPerMinute: Field<WholeNumber>
        let tokensPerMinute: Field<WholeNumber>
        let expiresAt: Field<TimeText>
    }

    struct Patch: Decodable, Sendable {
        let status: Field<EntityStatus>
        let description: Field<String>
        let expiresAt: Field<TimeText>
    }

    struct Limits: Decodable, Sendable {
        let usageLimit: Field<DecimalText>
        let periodUsageLimit: Field<DecimalText>
        let periodUsageDurationValue: Field<WholeNumber>
        let periodUsageDurationUnit: Field<PeriodLimit.Unit>
        let requestsPerMinute: Field<WholeNumber>
        let tokensPerMinute: Field<WholeNumber>
    }

    static func draft(_ body: New) throws(WebError) -> Management.KeyDraft {
        // Required, and null for none: nobody gets a key without a limit by forgetting one.
        if body.usageLimit.isAbsent { throw WebError.invalid("usageLimit", "usageLimit is required; null is no limit.") }
        let period = try Self.period(body.periodUsageLimit, body.periodUsageDurationValue, body.periodUsageDurationUnit)
        return Management.KeyDraft(
            project: body.projectId.id, description: try WebText.check(body.description, field: "description"),
            usageLimit: try limit(body.usageLimit.given?.amount, field: "usageLimit"),
            period: { if case .set(let period) = period { period } else { nil } }(),
            requestsPerMinute: try count(body.requestsPerMinute.given?.value, field: "requestsPerMinute"),
            tokensPerMinute: try count(body.tokensPerMinute.given?.value, field: "tokensPerMinute"),
            expiresAt: try future(body.expiresAt))
    }

    static func change(_ body: Patch) throws(WebError) -> Management.KeyChange {
        if body.status.isAbsent, body.description.isAbsent, body.expiresAt.isAbsent {
            throw WebError.changesNothing("status", "description", "expiresAt")
        }
        var change = Management.KeyChange()
        if body.status.isNull { throw WebError.invalid("status", "status must not be null.") }
        change.status = body.status.given
        if body.description.isNull { throw WebError.invalid("description", "description must not be null.") }
        if let text = body.description.given { change.description = try WebText.check(text, field: "description") }
        _ = try future(body.expiresAt)
        change.expiresAt = body.expiresAt
        return change
    }

    static func change(_ body: Limits) throws(WebError) -> Management.KeyChange {
        var change = Management.KeyChange()
        change.limits = APIKeyLimitChanged(
            usageLimit: try Self.change(body.usageLimit, field: "usageLimit"),
            requestsPerMinute: try counts(body.requestsPerMinute, field: "requestsPerMinute"),
            tokensPerMinute: try counts(body.tokensPerMinute, field: "tokensPerMinute"),
            periodLimit: try period(body.periodUsageLimit, body.periodUsageDurationValue, body.periodUsageDurationUnit))
        if change.limits == APIKeyLimitChanged() {
            throw WebError.invalid("usageLimit", "usageLimit is required; null is no limit.")
        }
        return change
    }

    static func change(_ field: Field<DecimalText>, field name: String) throws(WebError) -> FieldChange<NanoDollars> {
        switch field {
        case .absent: return .unchanged
        case .null: return .cleared
        case .value(let value): return .set(try limit(value.amount, field: name) ?? .zero)
        }
    }

    static func limit(_ amount: NanoDollars?, field: String) throws(WebError) -> NanoDollars? {
        if let amount, amount < .zero { throw WebError.invalid(field, "\(field) must not be negative.") }
        return amount
    }

    private static func count(_ value: Int64?, field: String) throws(WebError) -> Int64? {
        if let value, !(0...1_000_000_000_000).contains(value) {
            throw WebError.invalid(field, "\(field) must be a whole number from 0 to 1000000000000.")
        }
        return value
    }

    private static func counts(_ field: Field<WholeNumber>, field name: String) throws(WebError) -> FieldChange<Int64> {
        switch field {
        case .absent: return .unchanged
        case .null: return .cleared
        case .value(let number): return .set(try count(number.value, field: name) ?? 0)
        }
    }

    private static func future(_ field: Field<TimeText>) throws(WebError) -> Timestamp? {
        guard let time = field.given?.time else { return nil }
        guard time > .now else { throw WebError.invalid("expiresAt", "expiresAt lies in the past.") }
        return time
    }

    /// The three members belong together: all given, or the amount null and the others null or left out.
    private static func period(
        _ amount: Field<DecimalText>, _ count: Field<WholeNumber>, _ unit: Field<PeriodLimit.Unit>
    ) throws(WebError) -> FieldChange<PeriodLimit> {
        if amount.isAbsent, count.given == nil, unit.given == nil { return .unchanged }
        guard let limit = try limit(amount.given?.amount, field: "periodUsageLimit") else {
            guard count.given == nil, unit.given == nil else {
                throw WebError.invalid("periodUsageLimit", "periodUsageLimit is required with a period.")
            }
            return .cleared
        }
        guard let unit = unit.given else {
            throw WebError.invalid("periodUsageDurationUnit", "periodUsageDurationUnit is required with periodUsageLimit.")
        }
        guard let count = count.given?.value else {
            throw WebError.invalid("periodUsageDurationValue", "periodUsageDurationValue is required with periodUsageLimit.")
        }
        guard (1...unit.longest).contains(count) else {
            throw WebError.invalid(
                "periodUsageDurationValue", "periodUsageDurationValue must be 1 to \(unit.longest) for \(unit.rawValue).")
        }
        return .set(PeriodLimit(amount: limit, count: count, unit: unit))
    }
}

extension PeriodLimit.Unit {
    /// How many of it a period may have: a year at most, in every unit.
    var longest: Int64 {
        switch self {
        case .hour: 8_784
        case .day: 366
        case .week: 52
        case .month: 12
        }
    }
}
