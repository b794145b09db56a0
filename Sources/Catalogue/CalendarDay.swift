/// A day of the Gregorian calendar in UTC.
package struct CalendarDay {
    /// Midnight, in microseconds since 1970.
    let microseconds: Int64

    /// Reads `YYYY-MM-DD`.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isNumeric = parts.allSatisfy { $0.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } }
        guard parts.map(\.utf8.count) == [4, 2, 2], isNumeric else { return nil }
        guard let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2]) else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), (1...lengths[Int(month) - 1]).contains(day), year >= 1970 else { return nil }
        let leapDays = { (year: Int64) in year / 4 - year / 100 + year / 400 }
        let days =
            (year - 1970) * 365 + leapDays(year - 1) - leapDays(1969) + lengths[..<(Int(month) - 1)].reduce(0, +) + day - 1
        microseconds = days * 86_400_000_000
    }

    /// `YYYY-MM-DD` of the day that `microseconds` since 1970 falls on.
    package static func text(_ microseconds: Int64) -> String {
        // Days to a date by eras of 400 years that begin on March 1, so that the leap day comes last (Hinnant, 2013).
        let days = microseconds / 86_400_000_000 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let padded = { (value: Int64, width: Int) in
            String(repeating: "0", count: max(0, width - String(value).count)) + String(value)
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}
