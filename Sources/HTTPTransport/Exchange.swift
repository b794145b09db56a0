import CCurl

/// The reactor's side of a transfer: an easy handle and where the exchange stands. Used again for one transfer after another;
/// never leaves the reactor's thread.
final class Exchange {
    enum Phase {
        /// No byte of the request has left.
        case connecting
        /// The request is leaving or has left; no head yet.
        case waiting
        /// The head has come.
        case receiving
    }

    private(set) var easy: UnsafeMutableRawPointer
    let slot: Int
    /// libcurl writes its own words about a failure here.
    private let message: UnsafeMutablePointer<CChar>
    unowned let reactor: Reactor

    // One transfer's own, set by `begin`.
    var transfer: Transfer?
    var guarded = false
    var phase = Phase.connecting
    var started: Nanoseconds = 0
    var firstSent: Nanoseconds = 0
    /// The last time something moved in this phase.
    var progress: Nanoseconds = 0
    var head = HeadCollector()
    var sends = 0
    /// Bytes of a large body that libcurl has read.
    var bodyOffset = 0
    var receivePaused = false
    var sendPaused = false
    /// The connection's own port; two exchanges that have the same one share an HTTP/2 connection.
    var localPort: Int32 = 0
    /// An address was refused by the guard.
    var addressRefused = false
    /// An address was not, though it may not have answered.
    var addressAccepted = false
    /// Why one of our own callbacks stopped libcurl.
    var failure: HTTPTransportError?
    var touched = false

    // The deadline heap's.
    var due: Nanoseconds = 0
    var heapIndex = -1

    init?(slot: Int, reactor: Reactor) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.slot = slot
        self.reactor = reactor
        message = .allocate(capacity: Int(CURL_ERROR_SIZE))
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(easy)
        message.deallocate()
    }

    func begin(_ transfer: Transfer, now: Nanoseconds) {
        self.transfer = transfer
        guarded = !transfer.request.allowPrivateAddresses
        phase = .connecting
        started = now
        progress = now
        head = HeadCollector()
        sends = 0
        bodyOffset = 0
        receivePaused = false
        sendPaused = false
        localPort = 0
        addressRefused = false
        addressAccepted = false
        failure = nil
        touched = false
        message[0] = 0
        configure(transfer.request, errors: message)
    }

    func end() {
        transfer = nil
        failure = nil
        if Self.remembersHeads, let fresh = curl_easy_init() {
            curl_easy_cleanup(easy)
            easy = fresh
            return
        }
        // Lets go of every pointer into the transfer, and of every option that the next one must not inherit.
        curl_easy_reset(easy)
    }

    /// Whether a handle still knows where the last header lay of the transfer before, up to libcurl 8.1.0: a head that begins with
    /// a line for its continuation is written into memory that was given back (its issue 11101). No reset forgets it.
    private static let remembersHeads = ccurl_version() < 0x08_01_01

    /// The next deadline, and which it is.
    var deadline: (at: Nanoseconds, code: HTTPTransportError.Code) {
        guard let request = transfer?.request else { return (.max, .totalDeadline) }
        let total = started + request.total
        switch phase {
        case .connecting:
            let at = started + request.connect
            return at < total ? (at, .connectDeadline) : (total, .totalDeadline)
        case .waiting where !sendPaused:
            let at = progress + request.firstByte
            return at < total ? (at, .firstByteDeadline) : (total, .totalDeadline)
        case .receiving where !receivePaused:
            let at = progress + request.idle
            return at < total ? (at, .idleDeadline) : (total, .totalDeadline)
        case .waiting, .receiving:
            // It is our own side that is behind.
            return (total, .totalDeadline)
        }
    }

    func enter(_ phase: Phase) {
        self.phase = phase
        progress = reactor.now
        reactor.deadlines.hasten(self, due: deadline.at)
    }

    /// Tells libcurl which directions are held back.
    func updatePause() {
        let bits = (receivePaused ? CURLPAUSE_RECV : 0) | (sendPaused ? CURLPAUSE_SEND : 0)
        curl_easy_pause(easy, bits)
    }

    /// What libcurl's result means; nil is a complete response.
    func outcome(_ code: CURLcode) -> HTTPTransportError? {
        if let failure { return failure }
        if code == CURLE_OK {
            // libcurl takes a head that the end of the connection cuts off for a whole one.
            return phase == .receiving ? nil : HTTPTransportError(.reset, "the response head was cut off", sentRequest: true)
        }
        let words = message[0] != 0 ? String(cString: message) : String(cString: curl_easy_strerror(code))
        return HTTPTransportError(errorCode(code), words, sentRequest: phase != .connecting)
    }
}
