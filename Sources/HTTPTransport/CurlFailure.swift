import CCurl

extension Exchange {
    /// A lost connection is `.reset` before the response head and `.truncated` after it, however it was lost.
    func errorCode(_ code: CURLcode) -> HTTPTransportError.Code {
        switch code {
        case CURLE_BAD_FUNCTION_ARGUMENT where phase == .waiting:
            // A head that begins with the continuation of a header is reported so.
            return .protocolError
        case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED, CURLE_BAD_FUNCTION_ARGUMENT:
            return .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return .resolveFailed
        case CURLE_COULDNT_CONNECT:
            return addressRefused && !addressAccepted ? .addressRefused : .connectFailed
        case CURLE_PROXY:
            return .connectFailed
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED:
            return phase == .connecting ? .tlsFailed : lost
        case CURLE_OPERATION_TIMEDOUT:
            return phase == .connecting ? .connectDeadline : .totalDeadline
        case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND, CURLE_HTTP2_STREAM:
            return phase == .connecting ? .connectFailed : lost
        case CURLE_PARTIAL_FILE, CURLE_HTTP2:
            return phase == .receiving ? .truncated : phase == .waiting && code == CURLE_PARTIAL_FILE ? .reset : .protocolError
        case CURLE_OUT_OF_MEMORY:
            // A header line beyond libcurl's own bound is reported so.
            return phase == .waiting ? .tooLarge : .protocolError
        case CURLE_UNSUPPORTED_PROTOCOL:
            return phase == .connecting ? .invalidRequest : .protocolError
        default:
            return phase == .receiving ? .truncated : .protocolError
        }
    }

    private var lost: HTTPTransportError.Code { phase == .receiving ? .truncated : .reset }
}
