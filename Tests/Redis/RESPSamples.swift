import Redis

extension RedisValue {
    /// The value as Redis writes it.
    func encoded(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        switch self {
        case .null: Array((Bool.random(using: &generator) ? "$-1\r\n" : "*-1\r\n").utf8)
        case .integer(let value): Array(":\(value)\r\n".utf8)
        case .bulk(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
        case .simple(let text): Array("+\(text)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .array(let values):
            values.reduce(into: Array("*\(values.count)\r\n".utf8)) { $0 += $1.encoded(using: &generator) }
        }
    }

    static func random(depth: Int = 0, using generator: inout some RandomNumberGenerator) -> RedisValue {
        switch Int.random(in: 0..<(depth < 7 ? 8 : 5), using: &generator) {
        case 0: return .null
        case 1: return .integer(integer(using: &generator))
        case 2:
            let count = Int.random(in: 0...40, using: &generator)
            return .bulk((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        case 3: return .simple(line(using: &generator))
        case 4: return .error(line(using: &generator))
        default:
            let count = Int.random(in: 0...4, using: &generator)
            return .array((0..<count).map { _ in random(depth: depth + 1, using: &generator) })
        }
    }

    private static func integer(using generator: inout some RandomNumberGenerator) -> Int64 {
        let edges: [Int64] = [0, 1, -1, .max, .min, 1 << 53, -(1 << 53)]
        return edges.randomElement(using: &generator).flatMap { Bool.random(using: &generator) ? $0 : nil }
            ?? Int64.random(in: .min ... .max, using: &generator)
    }

    private static func line(using generator: inout some RandomNumberGenerator) -> String {
        let letters = Array("aZ0 :$*+-é€𝄞\"\\\t")
        return String(
            (0..<Int.random(in: 0...20, using: &generator)).compactMap { _ in letters.randomElement(using: &generator) })
    }
}
