/// Events that are appended all or none, next to one another.
public struct Command: Sendable, Hashable {
    /// The most events of one command, and of one batch.
    public static let maximumEvents = 128
    /// The most bytes of one command, and of one batch.
    public static let maximumBytes = 1024 * 1024

    /// 1 to `maximumEvents` events.
    public let events: [NewEvent]
    /// The bytes that the command counts in a batch.
    public let byteCount: Int

    /// - Throws: `EventError` with `invalidEvent` for no events, `tooLarge` for too many or too much.
    public init(_ events: [NewEvent]) throws(EventError) {
        let bytes = events.reduce(0) { $0 + $1.byteCount }
        guard !events.isEmpty else { throw EventError(.invalidEvent, "a command has no events") }
        guard events.count <= Self.maximumEvents, bytes <= Self.maximumBytes else {
            throw EventError(.tooLarge, "a command of \(events.count) events and \(bytes) bytes is too large")
        }
        self.events = events
        byteCount = bytes
    }

    /// A command of one event; an event is always small enough for one.
    public init(_ event: NewEvent) {
        events = [event]
        byteCount = event.byteCount
    }
}
