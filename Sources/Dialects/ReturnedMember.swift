internal import Catalogue

/// A member that an earlier answer in a request's messages has beyond OpenAI's format. Its client sends it back because its SDK
/// sends a message as it came; several providers refuse a request for it.
struct ReturnedMember: Sendable, Hashable {
    enum Name {
        case reasoning, reasoningContent, other
    }

    /// From the quote before its name to the end of its value.
    let range: Range<Int>
    let name: Name

    func isKept(by kept: ReturnedMembers) -> Bool { kept == .all || (kept == .reasoning && name == .reasoning) }
}
