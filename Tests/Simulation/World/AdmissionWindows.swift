/// The windows of periods and of rates, as functions.lua counts them.
enum AdmissionWindows {
    /// Where the period begins that a time (seconds since 1970) lies in, and where it ends.
    static func window(_ period: String, _ seconds: Int64) -> (begins: Int64, ends: Int64) {
        let count = Int64(period.dropFirst()) ?? 1
        if period.hasPrefix("m") {
            let month = monthOf(seconds)
            let first = month - month % count
            return (begins(ofMonth: first), begins(ofMonth: first + count))
        }
        let length = (period.hasPrefix("h") ? 3600 : period.hasPrefix("d") ? 86_400 : 604_800) * count
        let origin: Int64 = period.hasPrefix("w") ? 345_600 : 0
        let begins = seconds - (seconds - origin) % length
        return (begins, begins + length)
    }

    /// Months since January 1970, by counting years and months.
    private static func monthOf(_ seconds: Int64) -> Int64 {
        var month = seconds / 86_400 / 31
        while begins(ofMonth: month + 1) <= seconds { month += 1 }
        return month
    }

    private static func begins(ofMonth month: Int64) -> Int64 {
        let (year, index) = (1970 + month / 12, Int(month % 12))
        let leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let before: [Int64] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        let day = (year - 1970) * 365 + leaps + before[index] + (isLeap && index > 1 ? 1 : 0)
        return day * 86_400
    }

    /// Whether one more request fits into a key's minute; nil, or why not and how long to wait in milliseconds ('-' for ever).
    static func count(
        _ stored: AdmissionState.Rate?, _ key: AdmissionState.Key, tokens: Int64, at micros: Int64
    ) -> Result<AdmissionState.Rate, Refused> {
        let minute = micros / 60_000_000
        let into = Double(micros - minute * 60_000_000) / 1_000_000
        var rate = AdmissionState.Rate(minute: minute, requests: 0, requestsBefore: 0, tokens: 0, tokensBefore: 0)
        if let stored, stored.minute == minute { rate = stored }
        if let stored, stored.minute == minute - 1 { (rate.requestsBefore, rate.tokensBefore) = (stored.requests, stored.tokens) }
        let share = (60 - into) / 60
        if let limit = key.requests, Double(rate.requests) + Double(rate.requestsBefore) * share + 1 > Double(limit) {
            return .failure(
                Refused(reason: "requests_per_minute", wait: wait(limit, 1, rate.requests, rate.requestsBefore, into)))
        }
        if let limit = key.tokens, Double(rate.tokens) + Double(rate.tokensBefore) * share + Double(tokens) > Double(limit) {
            return .failure(Refused(reason: "tokens_per_minute", wait: wait(limit, tokens, rate.tokens, rate.tokensBefore, into)))
        }
        rate.requests += 1
        rate.tokens += tokens
        return .success(rate)
    }

    struct Refused: Error {
        let reason: String
        let wait: String
    }

    private static func wait(_ limit: Int64, _ cost: Int64, _ this: Int64, _ before: Int64, _ into: Double) -> String {
        if cost > limit { return "" }
        let left = Double(limit - cost)
        let seconds =
            this + cost <= limit
            ? 60 - 60 * (left - Double(this)) / Double(before) - into
            : 60 - into + max(0, 60 - 60 * left / Double(this))
        return String(Int64((max(0.001, seconds) * 1000).rounded(.up)))
    }
}
