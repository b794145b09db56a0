import CCurl

/// How a transfer is ended so that the server hears of it.
///
/// When an HTTP/2 stream is ended early, libcurl up to 8.14 puts the reset into a buffer that is only written when another
/// stream of the connection reads or writes (its issue 17611). Until then the server goes on, and a provider goes on charging.
extension Exchange {
    /// Whether the exchange is a stream of a connection that may have others.
    var mayShareConnection: Bool {
        phase != .connecting && reactor.configuration.http2 && transfer?.request.isHTTPS == true
    }

    /// Has the connection closed when this transfer ends, unless other streams use it. To be called before it ends early.
    func forbidReuse() { ccurl_set_long(easy, CURLOPT_FORBID_REUSE, 1) }

    /// Has libcurl write what it still holds for the exchange's connection, which is what the end of a pause does.
    func flush() {
        if !receivePaused {
            curl_easy_pause(easy, CURLPAUSE_RECV | (sendPaused ? CURLPAUSE_SEND : 0))
        }
        receivePaused = false
        // When the reader is still behind, this pauses it again.
        updatePause()
    }
}
