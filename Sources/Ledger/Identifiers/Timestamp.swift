import Glibc

/// A moment in UTC: whole microseconds since 1970-01-01.
public struct Timestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The wall clock's present time.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// The moment that lies `duration` later, to the microsecond below; the ends of the range where it would leave it.
    public func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = microseconds.addingReportingOverflow(scaled)
        let (total, lost) = sum.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        if overflow || carry || lost { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        return Timestamp(microseconds: total)
    }

    /// Seconds since 1970, rounded down.
    public var seconds: Int64 { microseconds.flooringDivision(by: 1_000_000).quotient }

    /// For example `2026-11-24T20:33:40.123456Z`, always with six digits of the second's fraction.
    public var iso8601: String {
        let (seconds, fraction) = microseconds.flooringDivision(by: 1_000_000)
        let (days, second) = seconds.flooringDivision(by: 86_400)
        let date = CivilDate(daysSince1970: days)
        func pad(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        let sign = date.year < 0 ? "-" : ""
        return "\(sign)\(pad(abs(date.year), 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T"
            + "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2)).\(pad(fraction, 6))Z"
    }

    public var description: String { iso8601 }

    public init(from decoder: any Decoder) throws {
        microseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }
}

extension Int64 {
    /// Quotient rounded down, remainder never negative.
    func flooringDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
