public import Money

/// What may be spent in each calendar window of `count` units, in UTC.
///
/// Windows are counted from the beginning of 1970, weeks from its first Monday: whoever knows the limit and a time knows the
/// window, without knowing when the limit was set.
public struct PeriodLimit: Codable, Sendable, Hashable {
    public enum Unit: String, Codable, Sendable, Hashable, CaseIterable {
        case hour, day, week, month
    }

    public var amount: NanoDollars
    public var count: Int64
    public var unit: Unit

    public init(amount: NanoDollars, count: Int64, unit: Unit) {
        self.amount = amount
        self.count = count
        self.unit = unit
    }

    /// When the window begins that `time` lies in.
    public func begins(at time: Timestamp) -> Timestamp {
        let day: Int64 = 86_400_000_000
        func floored(_ length: Int64, from origin: Int64 = 0) -> Timestamp {
            Timestamp(microseconds: (time.microseconds - origin).flooringDivision(by: length).0 * length + origin)
        }
        switch unit {
        case .hour: return floored(count * 3_600_000_000)
        case .day: return floored(count * day)
        case .week: return floored(count * 7 * day, from: 4 * day)
        case .month:
            let date = CivilDate(daysSince1970: time.microseconds.flooringDivision(by: day).0)
            let month = ((date.year - 1970) * 12 + date.month - 1).flooringDivision(by: count).0 * count
            let (years, ofYear) = month.flooringDivision(by: 12)
            let first = CivilDate(year: 1970 + years, month: ofYear + 1, day: 1)
            return Timestamp(microseconds: (first?.daysSince1970 ?? 0) * day)
        }
    }

    /// When the next window begins after the one that `time` lies in.
    public func ends(at time: Timestamp) -> Timestamp {
        let day: Int64 = 86_400_000_000
        let length =
            switch unit {
            case .hour: day / 24
            case .day: day
            case .week: 7 * day
            // No month is longer, and none so short that this would reach the window after the next.
            case .month: 31 * day
            }
        return begins(at: Timestamp(microseconds: begins(at: time).microseconds + count * length))
    }
}
