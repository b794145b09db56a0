internal import Ledger

/// A place in a list that is in the order of a time and an id: `MICROSECONDS.ID`.
struct TimeCursor<Kind: IdentifierKind>: Sendable, Hashable {
    /// Microseconds since 1970.
    let time: Int64
    let id: Identifier<Kind>

    init(time: Int64, id: Identifier<Kind>) {
        self.time = time
        self.id = id
    }

    /// Reads what a page before has named; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let time = Int64(parts[0]), Self.times.contains(time), let id = Identifier<Kind>(String(parts[1]))
        else { return nil }
        self.init(time: time, id: id)
    }

    var text: String { "\(time).\(id)" }

    /// Of the years 1970 to 9999: the database knows others too, but not all that the digits could name.
    private static var times: ClosedRange<Int64> { 0...253_402_300_799_999_999 }
}

typealias LogCursor = TimeCursor<IdentifierKinds.Request>
