import CCurl
import Glibc

/// A request that was checked, in the form in which libcurl takes it; made on the caller's thread.
struct PreparedRequest: Sendable {
    enum Body: Sendable {
        case none
        /// Small enough to leave in one write with the head.
        case pinned(PinnedBytes)
        /// Read piece by piece.
        case large([UInt8])
        case stream(length: Int?)
    }

    /// The largest body that libcurl sends together with the head.
    static let pinnedLimit = 65_536

    let method: String
    let url: String
    let isHTTPS: Bool
    let headers: HeaderList
    let body: Body
    let connect, firstByte, idle, total: Nanoseconds
    let allowPrivateAddresses: Bool

    init(_ request: HTTPTransportRequest) throws(HTTPTransportError) {
        try RequestCheck.method(request.method)
        isHTTPS = try RequestCheck.url(request.url)
        headers = try HeaderList(request.headers)
        method = request.method
        url = request.url
        switch request.body {
        case .none: body = .none
        case .bytes(let bytes) where bytes.count <= Self.pinnedLimit: body = .pinned(try PinnedBytes(bytes))
        case .bytes(let bytes): body = .large(bytes)
        case .stream(let length, _):
            if let length, length < 0 { throw HTTPTransportError(.invalidRequest, "the body's length is negative") }
            body = .stream(length: length)
        }
        if method == "HEAD", case .none = body {
        } else if method == "HEAD" {
            throw HTTPTransportError(.invalidRequest, "a HEAD request has no body")
        }
        connect = request.deadlines.connect.boundedNanoseconds
        firstByte = request.deadlines.firstByte.boundedNanoseconds
        idle = request.deadlines.idle.boundedNanoseconds
        total = request.deadlines.total.boundedNanoseconds
        allowPrivateAddresses = request.allowPrivateAddresses
    }
}

/// libcurl's linked list of header lines.
///
/// `@unchecked Sendable`: a C pointer is never Sendable; the list is whole when the initializer ends, nothing changes it after
/// that, and only `deinit`, which runs once, frees it.
final class HeaderList: @unchecked Sendable {
    let first: UnsafeMutablePointer<curl_slist>?

    init(_ headers: [(String, String)]) throws(HTTPTransportError) {
        var list: UnsafeMutablePointer<curl_slist>?
        do {
            var hasContentType = false
            for (name, value) in headers {
                try RequestCheck.header(name, value)
                if name.utf8.count == 12, name.lowercased() == "content-type" { hasContentType = true }
                // "Name:" would take a header away; an empty value is written with a semicolon.
                let isBlank = value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
                try Self.append(isBlank ? "\(name);" : "\(name): \(value)", to: &list)
            }
            try Self.append("Expect:", to: &list)
            if !hasContentType { try Self.append("Content-Type:", to: &list) }
        } catch {
            curl_slist_free_all(list)
            throw error
        }
        first = list
    }

    private static func append(
        _ line: String, to list: inout UnsafeMutablePointer<curl_slist>?
    ) throws(HTTPTransportError) {
        guard let longer = curl_slist_append(list, line) else { throw HTTPTransportError(.invalidRequest, "out of memory") }
        list = longer
    }

    deinit { curl_slist_free_all(first) }
}

/// Bytes that stay where they are while libcurl reads them.
///
/// `@unchecked Sendable`: a C pointer is never Sendable; the bytes are written in the initializer and only read after that, and
/// only `deinit`, which runs once, frees them.
final class PinnedBytes: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let count: Int

    init(_ bytes: [UInt8]) throws(HTTPTransportError) {
        guard let memory = malloc(max(1, bytes.count)) else { throw HTTPTransportError(.invalidRequest, "out of memory") }
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { memcpy(memory, base, source.count) }
        }
        pointer = memory
        count = bytes.count
    }

    deinit { free(pointer) }
}
