internal import NIOHTTP1

/// The fields of a request's head that matter to its connection, read at one look.
struct HeadFields {
    private(set) var hosts = 0
    private(set) var hasUpgrade = false

    init(_ head: HTTPRequestHead) {
        for (name, _) in head.headers {
            // The length first, which tells nearly all of them apart.
            switch name.utf8.count {
            case 4 where Self.isSame(name, "host"): hosts += 1
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
        return nil
    }

    /// - Parameter word: Letters, in lower case.
    private static func isSame(_ name: String, _ word: StaticString) -> Bool {
        name.utf8.elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)) { $0 | 0x20 == $1 }
    }
}
