internal import Dialects
internal import Ledger
internal import Web

/// What came of a stream while nothing of it went on, and its room among whole answers: an event is waited for until it is whole,
/// and a server can send one of many megabytes as slowly as it pleases.
struct WaitingBytes: Sendable {
    private let budget: ByteBudget
    private let owner: OrganizationID
    private var count = 0
    private var room: ByteBudget.Room?

    init(_ budget: ByteBudget, of owner: OrganizationID) {
        self.budget = budget
        self.owner = owner
    }

    /// Notes bytes that came.
    ///
    /// - Parameter isHeard: Whether something went on when they had come.
    /// - Returns: false where there is no room for all that waits.
    mutating func add(_ bytes: Int, isHeard: Bool) -> Bool {
        guard !isHeard else {
            count = 0
            room = nil
            return true
        }
        // What is passed over waits for nothing; of what does, no more is kept.
        count = min(count + bytes, SSETap.longestEvent)
        return budget.grow(&room, to: count, of: owner.uuid)
    }
}
