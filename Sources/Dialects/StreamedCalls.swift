internal import JSON

/// Tells apart the calls of a stream, whose pieces name their call by its index.
///
/// Some services say the same index of every call, or none: Ollama's calls come one whole call a chunk, each with an id of its own.
struct StreamedCalls {
    private var calls: [Int64: (id: String, number: Int)] = [:]
    private var count = 0

    /// The number of the call that a piece belongs to, in the order in which they began, and whether the piece begins it.
    mutating func take(_ piece: JSONValue) -> (number: Int, isFirst: Bool) {
        let index = piece["index"]?.int64 ?? 0
        let id = piece["id"]?.text ?? ""
        // An id without a name begins nothing: earlier versions of vLLM gave every piece of a call another one.
        let name = piece["function"]?["name"]?.text ?? piece["custom"]?["name"]?.text
        let begins = !id.isEmpty && name?.isEmpty == false
        if let known = calls[index], !begins || known.id == id { return (known.number, false) }
        calls[index] = (id, count)
        count += 1
        return (count - 1, true)
    }
}
