internal import JSON

/// An answer whose stream is server-sent events with JSON in them.
protocol EventAnswer: ForeignAnswer {
    var reader: EventReader { get set }
    var isMalformed: Bool { get set }
    /// Whether nothing more is read.
    var isOver: Bool { get }
    /// Takes the data of an event, and writes what the client hears of it.
    mutating func take(_ data: [UInt8], into output: inout [UInt8])
}

extension EventAnswer {
    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isOver else { return [] }
        var output: [UInt8] = []
        // The reader is moved out, so that its events can change the rest; one that stayed would have its bytes copied.
        var reader = self.reader
        self.reader = EventReader()
        reader.feed(bytes) { data in
            take(data, into: &output)
            return !isOver
        }
        self.reader = reader
        if reader.isTooLong { isMalformed = true }
        return output
    }

    /// Takes what stands at the end of the stream without an end of its own.
    mutating func takeRest(into output: inout [UInt8]) {
        var reader = self.reader
        reader.end { data in
            // Half an event at the very end is a broken connection, not a broken provider.
            if (try? JSONValue(data)) != nil { take(data, into: &output) }
            return !isOver
        }
    }
}
