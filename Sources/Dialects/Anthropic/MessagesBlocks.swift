internal import JSON

/// The blocks of a streamed message, of which Anthropic's clients expect one after the other: nothing comes for a block that was
/// closed.
///
/// A block is closed when the next one begins. Only a call can still be going on then, because services may mix the pieces of
/// several: what comes for others waits until its arguments are a whole object, or until the end.
struct MessagesBlocks {
    /// A piece of a block.
    enum Piece {
        case text(String)
        case thought(String)
        case signature(String)
        case arguments(String)

        fileprivate var said: (type: StaticString, name: StaticString, text: String) {
            switch self {
            case .text(let text): ("text_delta", "text", text)
            case .thought(let text): ("thinking_delta", "thinking", text)
            case .signature(let text): ("signature_delta", "signature", text)
            case .arguments(let text): ("input_json_delta", "partial_json", text)
            }
        }
    }

    private enum Kind: Equatable {
        case text, thinking, redacted
        case call(Int)

        var name: String {
            switch self {
            case .text: "text"
            case .thinking: "thinking"
            case .redacted: "redacted_thinking"
            case .call: "tool_use"
            }
        }

        /// What the start of a text or a thought says.
        var empty: [(String, JSONValue?)] {
            self == .text ? [("text", .string(""))] : [("thinking", .string("")), ("signature", .string(""))]
        }
    }

    private struct Block {
        let kind: Kind
        /// What its start says.
        let fields: [(String, JSONValue?)]
        var pieces: [Piece] = []
        /// Whether what follows of the same kind is another block.
        var isOver = false
    }

    private var open: Kind?
    private var count: Int64 = 0
    private var arguments = ObjectScan()
    private var waiting: [Block] = []
    /// About what the blocks that wait take.
    private(set) var waitingBytes = 0

    /// Whether a call is open whose arguments are not whole.
    private var isBlocked: Bool { if case .call? = open { !arguments.isWhole } else { false } }

    /// Says a piece of text or of a thought.
    mutating func say(_ piece: Piece, into output: inout [UInt8]) {
        let kind = if case .text = piece { Kind.text } else { Kind.thinking }
        if isBlocked {
            if let last = waiting.last, last.kind == kind, !last.isOver {
                keep(piece, in: waiting.count - 1)
            } else {
                wait(Block(kind: kind, fields: kind.empty))
                keep(piece, in: waiting.count - 1)
            }
            return
        }
        if open != kind { begin(kind, kind.empty, into: &output) }
        write(piece, into: &output)
    }

    /// Says a thought that nobody may read.
    mutating func redacted(_ data: JSONValue, into output: inout [UInt8]) {
        add(Block(kind: .redacted, fields: [("data", data)]), into: &output)
        endThought(into: &output)
    }

    /// Says that a thought is over: what is thought after it is another block.
    mutating func endThought(into output: inout [UInt8]) {
        guard isBlocked else { return close(into: &output) }
        if !waiting.isEmpty { waiting[waiting.count - 1].isOver = true }
    }

    /// Begins a call.
    mutating func call(_ number: Int, id: JSONValue, name: JSONValue, into output: inout [UInt8]) {
        add(Block(kind: .call(number), fields: [("id", id), ("name", name), ("input", .object([]))]), into: &output)
    }

    /// Says a piece of the arguments of a call that has begun. Behind a whole object there is none.
    mutating func add(_ fragment: String, toCall number: Int, into output: inout [UInt8]) {
        if open == .call(number) {
            write(.arguments(fragment), into: &output)
            release(into: &output)
        } else if let place = waiting.lastIndex(where: { $0.kind == .call(number) }) {
            keep(.arguments(fragment), in: place)
        }
    }

    private mutating func wait(_ block: Block) {
        waitingBytes += 512
        waiting.append(block)
    }

    private mutating func keep(_ piece: Piece, in place: Int) {
        waitingBytes += 64 + piece.said.text.utf8.count
        waiting[place].pieces.append(piece)
    }

    /// Writes what waits, and closes the last block.
    mutating func finish(into output: inout [UInt8]) {
        for block in waiting { write(block, into: &output) }
        waiting = []
        waitingBytes = 0
        close(into: &output)
    }

    private mutating func add(_ block: Block, into output: inout [UInt8]) {
        if isBlocked { wait(block) } else { write(block, into: &output) }
    }

    /// Writes what waits for as long as nothing stands in its way.
    private mutating func release(into output: inout [UInt8]) {
        guard !waiting.isEmpty else { return }
        var released = 0
        while released < waiting.count, !isBlocked {
            write(waiting[released], into: &output)
            released += 1
        }
        waiting.removeFirst(released)
        if waiting.isEmpty { waitingBytes = 0 }
    }

    private mutating func write(_ block: Block, into output: inout [UInt8]) {
        begin(block.kind, block.fields, into: &output)
        for piece in block.pieces { write(piece, into: &output) }
        if block.isOver { close(into: &output) }
    }

    private mutating func begin(_ kind: Kind, _ fields: [(String, JSONValue?)], into output: inout [UInt8]) {
        close(into: &output)
        open = kind
        arguments = ObjectScan()
        count += 1
        output += MessagesEvents.event(
            "content_block_start",
            .members([
                ("type", .string("content_block_start")), ("index", .integer(count - 1)),
                ("content_block", .members([("type", .string(kind.name))] + fields)),
            ]))
    }

    private mutating func close(into output: inout [UInt8]) {
        guard open != nil else { return }
        open = nil
        output += MessagesEvents.event(
            "content_block_stop",
            .members([("type", .string("content_block_stop")), ("index", .integer(count - 1))]))
    }

    /// A piece of the open block, as nearly all events are; written by hand for that reason.
    private mutating func write(_ piece: Piece, into output: inout [UInt8]) {
        let said = piece.said
        if case .arguments(let fragment) = piece { arguments.take(fragment) }
        output +=
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":\(count - 1),\"delta\":{\"type\":\""
            .utf8
        said.type.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\",\"".utf8
        said.name.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\":".utf8
        output.appendJSON(string: said.text)
        output += "}}\n\n".utf8
    }
}

/// Finds the end of a JSON object that comes in pieces. It may be wrong of what is no JSON.
private struct ObjectScan {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private(set) var isWhole = false

    mutating func take(_ text: String) {
        for byte in text.utf8 where !isWhole {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isInString: isEscaped = true
            case UInt8(ascii: "\""): isInString.toggle()
            case UInt8(ascii: "{") where !isInString: depth += 1
            case UInt8(ascii: "}") where !isInString:
                depth -= 1
                isWhole = depth <= 0
            default: continue
            }
        }
    }
}
