internal import FoundationEssentials
internal import Synchronization

/// The text of the Date header, made at most once a second.
final class HTTPDateClock: Sendable {
    private let cached = Mutex<(second: Int64, text: String)>((0, ""))

    /// The present time as RFC 9110 5.6.7 writes it.
    func now() -> String {
        let second = Int64(Date().timeIntervalSince1970)
        return cached.withLock { cached in
            if cached.second != second { cached = (second, Self.text(second)) }
            return cached.text
        }
    }

    static func text(_ second: Int64) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func pad(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        let (day, rest) = Int(second).quotientAndRemainder(dividingBy: 86_400)
        // Days to a civil date by Howard Hinnant's algorithm: eras of 400 years that begin on 1 March.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let time = "\(pad(rest / 3_600)):\(pad(rest % 3_600 / 60)):\(pad(rest % 60))"
        return "\(days[day % 7]), \(pad(dayOfMonth)) \(months[month - 1]) \(year) \(time) GMT"
    }
}
