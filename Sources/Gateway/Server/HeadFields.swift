internal import Dialects
internal import NIOHTTP1

/// The fields of a request's head that matter to its connection, read at one look.
struct HeadFields {
    private(set) var hosts = 0
    private(set) var hasUpgrade = false
    private var expectation: String?

    init(_ head: HTTPRequestHead) {
        for (name, value) in head.headers {
            // The length first, which tells nearly all of them apart.
            switch name.utf8.count {
            case 4 where Self.isSame(name, "host"): hosts += 1
            case 6 where Self.isSame(name, "expect"): expectation = value
            case 7 where Self.isSame(name, "upgrade"): hasUpgrade = true
            default: break
            }
        }
    }

    /// Why nobody may look at the request; nil where that is no question of its fields.
    func refusal(of head: HTTPRequestHead) -> HeadRefusal? {
        // Whom a request is for must not depend on who reads it (RFC 9112, 3.2); HTTP/1.0 knew no Host.
        guard hosts == 1 || hosts == 0 && head.version == .http1_0 else {
            return HeadRefusal(.invalid("A request has one Host header.", param: "host"), to: head)
        }
        guard isHeld || expectation == nil || head.version == .http1_0 else {
            let error = APIError(
                status: 417, message: "The only thing that can be expected here is 100-continue.", param: "expect")
            return HeadRefusal(GatewayError(error), to: head)
        }
        return nil
    }

    /// Whether the client waits with its body until it is told to go on (RFC 9110, 10.1.1).
    private var isHeld: Bool { expectation?.lowercased() == "100-continue" }

    /// Whether it is to be told so. Not where all it would get for its body is a refusal, nor with HTTP/1.0, which can't be told.
    func isToContinue(_ head: HTTPRequestHead, maximumBodyBytes: Int) -> Bool {
        guard isHeld, head.version != .http1_0 else { return false }
        return head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0 <= maximumBodyBytes
    }

    /// - Parameter word: Letters, in lower case.
    private static func isSame(_ name: String, _ word: StaticString) -> Bool {
        name.utf8.elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)) { $0 | 0x20 == $1 }
    }
}
