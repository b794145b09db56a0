/// Refuses, before anything is sent, what could make another request of a request.
enum RequestCheck {
    typealias Failure = HTTPTransportError

    /// The method is a token; CONNECT and TRACE make no sense through a gateway.
    static func method(_ method: String) throws(Failure) {
        guard isToken(method.utf8), method != "CONNECT", method != "TRACE" else {
            throw Failure(.invalidRequest, "the method is not one that can be sent")
        }
    }

    /// Answers whether the URL is an `https` one. The form of the host, the port and the absence of credentials are
    /// libcurl's to check, with the same parser that later connects.
    static func url(_ url: String) throws(Failure) -> Bool {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw Failure(.invalidRequest, "the URL has a character that must be percent-encoded")
        }
        let isHTTPS = startsCaseInsensitively(url.utf8, "https://")
        guard isHTTPS || startsCaseInsensitively(url.utf8, "http://") else {
            throw Failure(.invalidRequest, "the URL is not an absolute http or https URL")
        }
        // libcurl overlooks a third slash and takes what follows for the host.
        guard let first = url.utf8.dropFirst(isHTTPS ? 8 : 7).first, !"/?#".utf8.contains(first) else {
            throw Failure(.invalidRequest, "the URL has no host")
        }
        return isHTTPS
    }

    static func header(_ name: String, _ value: String) throws(Failure) {
        guard isToken(name.utf8) else { throw Failure(.invalidRequest, "a header's name is not a token") }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw Failure(.invalidRequest, "the value of header \(name) has a control character")
        }
        if isReserved(name) { throw Failure(.invalidRequest, "header \(name) is the transport's own") }
    }

    /// Names whose wrong value would change where the message ends, or where it goes.
    private static func isReserved(_ name: String) -> Bool {
        if startsCaseInsensitively(name.utf8, "proxy-") { return true }
        return switch name.utf8.count {
        case 2: equal(name, "te")
        case 4: equal(name, "host")
        case 6: equal(name, "expect")
        case 7: equal(name, "upgrade") || equal(name, "trailer")
        case 10: equal(name, "connection") || equal(name, "keep-alive")
        case 14: equal(name, "content-length")
        case 17: equal(name, "transfer-encoding")
        default: false
        }
    }

    private static func equal(_ name: String, _ lowerCase: StaticString) -> Bool {
        name.utf8.count == lowerCase.utf8CodeUnitCount && startsCaseInsensitively(name.utf8, lowerCase)
    }

    private static func startsCaseInsensitively(_ text: String.UTF8View, _ lowerCase: StaticString) -> Bool {
        lowerCase.withUTF8Buffer { prefix in
            var index = 0
            for byte in text {
                if index == prefix.count { return true }
                if lowerCased(byte) != prefix[index] { return false }
                index += 1
            }
            return index == prefix.count
        }
    }

    static func lowerCased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    /// RFC 9110's token, the form of a method and of a field name.
    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { $0 < 0x80 && tokenBytes[Int($0)] }
    }

    private static let tokenBytes: [Bool] = {
        var table = [Bool](repeating: false, count: 128)
        let marks = "!#$%&'*+-.^_`|~"
        for byte in marks.utf8 { table[Int(byte)] = true }
        for byte in UInt8(ascii: "0")...UInt8(ascii: "9") { table[Int(byte)] = true }
        for byte in UInt8(ascii: "A")...UInt8(ascii: "Z") { table[Int(byte)] = true }
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") { table[Int(byte)] = true }
        return table
    }()
}
