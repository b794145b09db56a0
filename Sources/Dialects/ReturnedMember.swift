internal import Catalogue
internal import JSON

/// A member that an earlier answer in a request's messages has beyond OpenAI's format. Its client sends it back because its SDK
/// sends a message as it came; several providers refuse a request for it.
struct ReturnedMember: Sendable, Hashable {
    /// From the quote before its name to the end of its value.
    let range: Range<Int>
    /// Whether it is called `reasoning`.
    let isReasoning: Bool

    /// What takes out of `body` those of `members` that are not kept, each with one comma.
    ///
    /// - Parameter members: In order; none lies in another.
    static func splices(_ members: [ReturnedMember], keeping kept: ReturnedMembers, in body: RawSpan) -> [Splice] {
        var splices: [Splice] = []
        // Behind what was taken out last: a comma before it is gone already.
        var end = 0
        for member in members where kept == .none || !member.isReasoning {
            var start = member.range.lowerBound
            while start > end, body.isSpace(start - 1) { start -= 1 }
            if start > end, body.byte(start - 1) == UInt8(ascii: ",") {
                end = member.range.upperBound
                splices.append(Splice(start - 1..<end, []))
                continue
            }
            // Nothing is left before it, so the comma behind it goes with it, if there is one.
            end = member.range.upperBound
            while body.isSpace(end) { end += 1 }
            if body.byte(end) == UInt8(ascii: ",") { end += 1 }
            splices.append(Splice(start..<end, []))
        }
        return splices
    }
}

extension RawSpan {
    /// Whether JSON's white space stands there.
    fileprivate func isSpace(_ offset: Int) -> Bool {
        let byte = byte(offset)
        return byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}
