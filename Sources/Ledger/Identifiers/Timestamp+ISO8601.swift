extension Timestamp {
    /// Reads `2026-11-24`, `2026-11-24T20:33:40Z`, with up to six digits of a fraction, and an offset such as `+02:00`
    /// instead of `Z`. A date alone is its first moment in UTC; `nil` for anything else.
    public init?(iso8601 text: String) {
        var scan = Scan(bytes: Array(text.utf8))
        guard let year = scan.digits(4), scan.take("-"), let month = scan.digits(2), scan.take("-"), let day = scan.digits(2),
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        let midnight = date.daysSince1970 * 86_400
        if scan.atEnd {
            self.init(microseconds: midnight * 1_000_000)
            return
        }
        guard scan.take("T") || scan.take(" "), let hour = scan.digits(2), hour < 24, scan.take(":"),
            let minute = scan.digits(2), minute < 60, scan.take(":"), let second = scan.digits(2), second < 60
        else { return nil }
        var fraction: Int64 = 0
        if scan.take(".") {
            guard let read = scan.fraction(6) else { return nil }
            fraction = read
        }
        guard let offset = scan.offset(), scan.atEnd else { return nil }
        let seconds = midnight + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    private struct Scan {
        let bytes: [UInt8]
        var index = 0

        var atEnd: Bool { index == bytes.count }

        mutating func take(_ character: Character) -> Bool {
            guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
            index += 1
            return true
        }

        mutating func digits(_ count: Int) -> Int64? {
            guard index + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[index..<(index + count)] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            index += count
            return value
        }

        /// 1 to `places` digits, scaled to `places`.
        mutating func fraction(_ places: Int) -> Int64? {
            var value: Int64 = 0
            var count = 0
            while index < bytes.count, count < places, (48...57).contains(bytes[index]) {
                value = value * 10 + Int64(bytes[index] - 48)
                index += 1
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<places { value *= 10 }
            return value
        }

        /// Seconds east of UTC.
        mutating func offset() -> Int64? {
            if take("Z") { return 0 }
            let sign: Int64
            if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
            guard let hours = digits(2), hours < 24, take(":"), let minutes = digits(2), minutes < 60 else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }
}
