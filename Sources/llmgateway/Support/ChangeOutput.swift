import ArgumentParser
import Management

/// What a change without a new id answers with `--json`.
struct ChangeAnswer: Encodable {
    let position: Int64
    let applied: Bool

    init(_ change: Management.Change) {
        position = change.position
        applied = change.isApplied
    }
}

extension OutputOptions {
    /// Prints what a change did.
    func show(_ change: Management.Change, text: String) throws { try show(ChangeAnswer(change), text: text, of: change) }

    /// Prints what a change did, as `value` says it.
    func show(_ value: some Encodable, text: String, of change: Management.Change) throws {
        try show(value, text: text)
        change.remark()
    }
}

extension Management.Change {
    /// Says on standard error where a change is in the ledger and not obeyed: a key that was disabled may still be let in.
    func remark() {
        guard !isApplied else { return }
        // What was done is on standard output; nobody may be there to hear this.
        try? StandardStream.error.write("recorded at position \(position); the gateways do not know it yet\n")
    }
}
