import CCurl

/// A kept connection may have been closed by the server while nobody looked. A request that meets this is sent once more.
///
/// libcurl does so by itself when reading fails over HTTP/1.1. It does not when writing a body fails, nor, up to 8.0, over
/// HTTP/2, where it calls the end of the connection a partial file.
extension Exchange {
    /// Whether a request that ended with this result is to be sent once more.
    func shouldRepeat(_ code: CURLcode) -> Bool {
        guard phase == .waiting, sends == 1, !head.hasBegun, failure == nil else { return false }
        guard reactor.now - firstSent < reactor.repeatWithin else { return false }
        switch code {
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: break
        default: return false
        }
        // What a producer made can't be made again.
        if case .stream = transfer?.request.body { return false }
        var opened = 0
        ccurl_get_long(easy, CURLINFO_NUM_CONNECTS, &opened)
        return opened == 0
    }

    /// Makes ready for sending the same request on a connection of its own.
    func beginAgain() {
        ccurl_set_long(easy, CURLOPT_FRESH_CONNECT, 1)
        bodyOffset = 0
        enter(.connecting)
    }
}
