/// The name of what was thought: `reasoning` for clients, and with the rest of it for providers that call it `reasoning_content`.
enum ReasoningName {
    static let short = Array("reasoning".utf8)
    static let rest = Array("_content".utf8)

    /// What a place of a name becomes: where the rest stands it goes, and where nothing does it comes.
    static func renaming(_ place: Range<Int>) -> [UInt8] { place.isEmpty ? rest : [] }
}
