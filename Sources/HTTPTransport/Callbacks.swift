import CCurl
import Glibc
import Synchronization

// What libcurl calls on the reactor's thread while one of its functions runs there. The context is always the exchange, which
// the reactor keeps alive for longer than the handle is in use.

private func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
    context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
}

private let writeFailed = 0
private let writePause = Int(CURL_WRITEFUNC_PAUSE)
private let readAbort = Int(CURL_READFUNC_ABORT)
private let readPause = Int(CURL_READFUNC_PAUSE)

/// A connection is ready and the request leaves when this returns; called once more when libcurl repeats a request because
/// a kept connection turned out to be closed.
let beforeRequest: curl_prereq_callback = { context, _, _, _, localPort in
    guard let exchange = exchange(context), let transfer = exchange.transfer else { return CURL_PREREQFUNC_ABORT }
    let now = exchange.reactor.now
    if exchange.sends == 0 { exchange.firstSent = now }
    // A stale connection shows itself within a round trip. A server that took the request and lost the connection later may
    // have worked on it: that is not repeated behind the caller's back.
    if exchange.sends > 1 || exchange.sends == 1 && now - exchange.firstSent >= exchange.reactor.repeatWithin {
        exchange.failure = HTTPTransportError(.reset, "the connection was lost before the response", sentRequest: true)
        return CURL_PREREQFUNC_ABORT
    }
    guard transfer.willSend() else { return CURL_PREREQFUNC_ABORT }
    exchange.sends += 1
    exchange.localPort = localPort
    exchange.enter(.waiting)
    return CURL_PREREQFUNC_OK
}

extension Exchange {
    /// Notes why a write callback stops libcurl, and gives back what tells it to stop.
    fileprivate func fail(_ code: HTTPTransportError.Code, _ message: String) -> Int {
        forbidReuse()
        failure = HTTPTransportError(code, message, sentRequest: true)
        return writeFailed
    }
}

let receiveHeadLine: curl_write_callback = { bytes, size, count, context in
    guard let exchange = exchange(context), let transfer = exchange.transfer, let bytes else { return writeFailed }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    let limit = exchange.reactor.configuration.maximumHeadBytes
    exchange.progress = exchange.reactor.now
    if exchange.phase == .receiving {
        if exchange.head.addTrailer(line.count, limit: limit) { return line.count }
        return exchange.fail(.tooLarge, "the trailers are larger than \(limit) bytes")
    }
    switch exchange.head.add(line, limit: limit) {
    case .more:
        return line.count
    case .complete(let head):
        exchange.enter(.receiving)
        transfer.receive(head)
        exchange.reactor.touch(exchange)
        return line.count
    case .tooLarge:
        return exchange.fail(.tooLarge, "the response head is larger than \(limit) bytes")
    case .malformed:
        return exchange.fail(.protocolError, "the response has no status line")
    }
}

let receiveBody: curl_write_callback = { bytes, size, count, context in
    guard let exchange = exchange(context), let transfer = exchange.transfer, let bytes else { return writeFailed }
    let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
    // After 101 libcurl hands over what follows, of whatever protocol it is, as a body.
    guard exchange.phase == .receiving else { return exchange.fail(.protocolError, "the server changed the protocol") }
    exchange.progress = exchange.reactor.now
    switch transfer.receive(chunk) {
    case .taken:
        exchange.reactor.touch(exchange)
        return chunk.count
    case .full:
        exchange.receivePaused = true
        return writePause
    case .ended:
        exchange.forbidReuse()
        return writeFailed
    }
}

let readLargeBody: curl_read_callback = { target, size, count, context in
    guard let exchange = exchange(context), let transfer = exchange.transfer, let target,
        case .large(let bytes) = transfer.request.body
    else { return readAbort }
    let length = min(size * count, bytes.count - exchange.bodyOffset)
    bytes.withUnsafeBytes { source in
        if let base = source.baseAddress, length > 0 { memcpy(target, base + exchange.bodyOffset, length) }
    }
    exchange.bodyOffset += length
    exchange.progress = exchange.reactor.now
    return length
}

let rewindLargeBody: curl_seek_callback = { context, offset, origin in
    guard let exchange = exchange(context), let transfer = exchange.transfer, origin == SEEK_SET,
        case .large(let bytes) = transfer.request.body, offset >= 0, offset <= bytes.count
    else { return Int32(CURL_SEEKFUNC_FAIL) }
    exchange.bodyOffset = Int(offset)
    return Int32(CURL_SEEKFUNC_OK)
}

let readStreamedBody: curl_read_callback = { target, size, count, context in
    guard let exchange = exchange(context), let transfer = exchange.transfer, let target,
        case .stream(let length) = transfer.request.body
    else { return readAbort }
    let buffer = UnsafeMutableRawBufferPointer(start: target, count: size * count)
    let (read, producer) = transfer.state.withLock { $0.upload.read(into: buffer, promised: length) }
    producer?.resume(returning: true)
    exchange.progress = exchange.reactor.now
    switch read {
    case .bytes(let count):
        return count
    case .end:
        return 0
    case .wait:
        exchange.sendPaused = true
        return readPause
    case .wrongLength:
        exchange.forbidReuse()
        exchange.failure = HTTPTransportError(
            .invalidRequest, "the request body does not have the length that was given", sentRequest: true)
        return readAbort
    }
}

/// Opens the socket for an address that libcurl has already decided on: the one moment at which nothing can change any more.
let openSocket: curl_opensocket_callback = { context, _, address in
    guard let exchange = exchange(context), let address else { return CURL_SOCKET_BAD }
    if exchange.guarded {
        let isPublic = withUnsafePointer(to: &address.pointee.addr) { AddressGuard.isPublic($0) }
        guard isPublic else {
            exchange.addressRefused = true
            return CURL_SOCKET_BAD
        }
    }
    let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.pointee.family, address.pointee.socktype | flags, address.pointee.protocol)
    if descriptor >= 0 {
        exchange.addressAccepted = true
        exchange.reactor.inbox.connectionsOpened.add(1, ordering: .relaxed)
    }
    return descriptor
}
