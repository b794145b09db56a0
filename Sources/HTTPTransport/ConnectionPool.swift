import CCurl
import Glibc

/// A multi handle: the connections that are kept, and the sockets that the reactor watches for them.
///
/// There is one for transfers that may go anywhere and one for those that may only reach public addresses, because a kept
/// connection is not opened again and so would not be asked where it leads.
final class ConnectionPool {
    let multi: UnsafeMutableRawPointer
    private let epoll: Int32
    private let tag: UInt64
    /// When libcurl wants to be called without an event.
    private(set) var timer: Nanoseconds?

    init?(tag: Int, epoll: Int32, configuration: HTTPTransportConfiguration) {
        guard let multi = curl_multi_init() else { return nil }
        self.multi = multi
        self.epoll = epoll
        self.tag = UInt64(tag) << 32
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket(multi, watchSocket, context)
        ccurl_multi_set_timer(multi, updateTimer, context)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(1, configuration.maximumIdleConnections))
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, max(0, configuration.maximumConnectionsPerHost))
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    deinit { curl_multi_cleanup(multi) }

    func add(_ exchange: Exchange) -> Bool { curl_multi_add_handle(multi, exchange.easy) == CURLM_OK }

    /// Takes an exchange out; ends it when it has not ended.
    func remove(_ exchange: Exchange) { curl_multi_remove_handle(multi, exchange.easy) }

    func handle(_ descriptor: Int32, _ events: UInt32) {
        var action: Int32 = 0
        if events & EPOLLIN.rawValue != 0 { action |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { action |= CURL_CSELECT_OUT }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { action |= CURL_CSELECT_ERR }
        var running: Int32 = 0
        curl_multi_socket_action(multi, descriptor, action, &running)
    }

    /// Calls libcurl if its time has come; answers whether it was.
    func handleTimer(_ now: Nanoseconds) -> Bool {
        guard let due = timer, due <= now else { return false }
        timer = nil
        var running: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        return true
    }

    /// The next transfer that libcurl is done with.
    func nextDone() -> (exchange: Exchange, code: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let code = ccurl_message_result(message)
            var context: UnsafeMutableRawPointer?
            ccurl_get_pointer(easy, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            return (Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue(), code)
        }
        return nil
    }

    fileprivate func watch(_ descriptor: Int32, _ what: Int32, known: Bool) -> Bool {
        var event = epoll_event()
        event.data.u64 = tag | UInt64(UInt32(bitPattern: descriptor))
        if what == CURL_POLL_REMOVE {
            epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
            return false
        }
        if what != CURL_POLL_OUT { event.events |= EPOLLIN.rawValue }
        if what != CURL_POLL_IN { event.events |= EPOLLOUT.rawValue }
        epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event)
        return true
    }

    fileprivate func setTimer(_ milliseconds: Int) {
        timer = milliseconds < 0 ? nil : milliseconds == 0 ? 0 : monotonicNow() + Nanoseconds(milliseconds) * 1_000_000
    }
}

private let watchSocket: curl_socket_callback = { _, descriptor, what, context, known in
    guard let context else { return 0 }
    let pool = Unmanaged<ConnectionPool>.fromOpaque(context).takeUnretainedValue()
    if what == CURL_POLL_REMOVE {
        _ = pool.watch(descriptor, what, known: true)
    } else if pool.watch(descriptor, what, known: known != nil), known == nil {
        // Any pointer marks the socket as one that epoll knows; libcurl gives it back with the next call.
        curl_multi_assign(pool.multi, descriptor, context)
    }
    return 0
}

private let updateTimer: curl_multi_timer_callback = { _, milliseconds, context in
    guard let context else { return 0 }
    Unmanaged<ConnectionPool>.fromOpaque(context).takeUnretainedValue().setTimer(milliseconds)
    return 0
}
