internal import JSON

/// The bounds of a number in a JSON schema, and the numbers within them.
struct NumberInstance {
    private let isInteger: Bool
    private let least: Double
    private let most: Double
    private let isAboveLeast: Bool
    private let isBelowMost: Bool
    private let step: Double?

    init(_ schema: JSONValue) {
        let number = { (name: String) -> Double? in
            guard case .number(let text) = schema[name] else { return nil }
            return Double(text)
        }
        isInteger = schema["type"]?.text != "number"
        let exclusiveLeast = number("exclusiveMinimum")
        let exclusiveMost = number("exclusiveMaximum")
        least = max(number("minimum") ?? -.infinity, exclusiveLeast ?? -.infinity)
        most = min(number("maximum") ?? .infinity, exclusiveMost ?? .infinity)
        isAboveLeast = exclusiveLeast == least
        isBelowMost = exclusiveMost == most
        step = number("multipleOf").flatMap { $0 > 0 ? $0 : nil }
    }

    private func contains(_ value: Double) -> Bool {
        (isAboveLeast ? value > least : value >= least) && (isBelowMost ? value < most : value <= most)
    }

    /// The text of a number in bounds, near zero and further from it with each variant; nil if there is none.
    func text(variant: Int) -> String? {
        let step = step ?? 1
        let nearest = least.isFinite && least > 0 ? (least / step).rounded(.up) : 0
        let highest = most.isFinite && most < 0 ? (most / step).rounded(.down) : nearest
        for multiple in [nearest + Double(variant), highest - Double(variant), nearest, highest, nearest + 1, highest - 1] {
            let value = multiple * step
            guard contains(value), !isInteger || value == value.rounded() else { continue }
            guard let whole = Int64(exactly: value) else { return isInteger ? nil : "\(value)" }
            return String(whole)
        }
        guard !isInteger, self.step == nil, least.isFinite, most.isFinite else { return nil }
        let middle = least / 2 + most / 2
        return contains(middle) ? "\(middle)" : nil
    }
}
