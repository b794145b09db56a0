/// A minute of the Gregorian calendar in UTC as a catalogue file writes it: a day stands for its first one.
enum CalendarMinute {
    /// What `YYYY-MM-DD` or `YYYY-MM-DDThh:mmZ` is in microseconds since 1970; nil for anything else.
    static func microseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let day = CalendarDay(String(parts[0])) else { return nil }
        guard parts.count == 2 else { return day.microseconds }
        let clock = Array(parts[1].utf8)
        guard clock.count == 6, clock[2] == UInt8(ascii: ":"), clock[5] == UInt8(ascii: "Z") else { return nil }
        let digits = [clock[0], clock[1], clock[3], clock[4]].map { Int64($0) - 48 }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard digits.allSatisfy({ (0...9).contains($0) }), hours < 24, minutes < 60 else { return nil }
        return day.microseconds + (hours * 60 + minutes) * 60_000_000
    }

    /// The shorter way to write the minute that `microseconds` since 1970 fall into.
    static func text(_ microseconds: Int64) -> String {
        let day = CalendarDay.text(microseconds)
        let minutes = microseconds / 60_000_000 % 1_440
        guard minutes > 0 else { return day }
        let padded = { (value: Int64) in (value < 10 ? "0" : "") + String(value) }
        return "\(day)T\(padded(minutes / 60)):\(padded(minutes % 60))Z"
    }
}
