import CCurl

extension Exchange {
    /// Sets everything that a transfer needs on a handle that was just reset.
    func configure(_ request: PreparedRequest, errors: UnsafeMutablePointer<CChar>) {
        let configuration = reactor.configuration
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_string(easy, CURLOPT_URL, request.url)
        ccurl_set_list(easy, CURLOPT_HTTPHEADER, request.headers.first)
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errors)
        ccurl_set_pointer(easy, CURLOPT_PRIVATE, context)

        // Nothing from the environment, no second request, no credentials that the caller did not write.
        ccurl_set_string(easy, CURLOPT_PROXY, guarded ? "" : configuration.proxy ?? "")
        ccurl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, request.isHTTPS ? "https" : "http")
        ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        ccurl_set_long(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        // A lookup that hangs must not hold the reactor when its transfer ends.
        ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(Int32(clamping: request.connect / 1_000_000 + 20)))
        ccurl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
        ccurl_set_long(easy, CURLOPT_TCP_KEEPIDLE, 30)
        ccurl_set_long(easy, CURLOPT_TCP_KEEPINTVL, 10)

        if request.isHTTPS {
            ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1)
            ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2)
            ccurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            // With a directory set as well, libcurl reads the whole bundle again for each connection: 22 ms of CPU.
            ccurl_set_string(easy, CURLOPT_CAPATH, nil)
            ccurl_set_string(easy, CURLOPT_CAINFO, reactor.certificateAuthorities)
        }
        // Waiting for a connection under way to show whether it multiplexes only makes sense where ALPN will tell soon.
        let http2 = request.isHTTPS && configuration.http2
        ccurl_set_long(easy, CURLOPT_HTTP_VERSION, http2 ? Int(CURL_HTTP_VERSION_2TLS) : Int(CURL_HTTP_VERSION_1_1))
        ccurl_set_long(easy, CURLOPT_PIPEWAIT, http2 ? 1 : 0)

        ccurl_set_write(easy, CURLOPT_HEADERFUNCTION, receiveHeadLine)
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        ccurl_set_write(easy, CURLOPT_WRITEFUNCTION, receiveBody)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        ccurl_set_prerequest(easy, beforeRequest)
        ccurl_set_pointer(easy, CURLOPT_PREREQDATA, context)
        ccurl_set_open_socket(easy, openSocket)
        ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, context)
        configureBody(request, context: context)
    }

    private func configureBody(_ request: PreparedRequest, context: UnsafeMutableRawPointer) {
        switch request.body {
        case .none where request.method == "GET":
            ccurl_set_long(easy, CURLOPT_HTTPGET, 1)
            return
        case .none where request.method == "HEAD":
            ccurl_set_long(easy, CURLOPT_NOBODY, 1)
            return
        case .none where request.method == "POST" || request.method == "PUT" || request.method == "PATCH":
            // An empty body with its length, so that the server does not wait for one.
            ccurl_set_long(easy, CURLOPT_POST, 1)
            ccurl_set_string(easy, CURLOPT_POSTFIELDS, "")
            ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, 0)
        case .none:
            ccurl_set_long(easy, CURLOPT_HTTPGET, 1)
        case .pinned(let bytes):
            ccurl_set_long(easy, CURLOPT_POST, 1)
            ccurl_set_pointer(easy, CURLOPT_POSTFIELDS, bytes.pointer)
            ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
        case .large(let bytes):
            ccurl_set_long(easy, CURLOPT_POST, 1)
            ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
            ccurl_set_read(easy, readLargeBody)
            ccurl_set_pointer(easy, CURLOPT_READDATA, context)
            ccurl_set_seek(easy, rewindLargeBody)
            ccurl_set_pointer(easy, CURLOPT_SEEKDATA, context)
        case .stream(let length):
            ccurl_set_long(easy, CURLOPT_POST, 1)
            ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, length.map { curl_off_t($0) } ?? -1)
            ccurl_set_read(easy, readStreamedBody)
            ccurl_set_pointer(easy, CURLOPT_READDATA, context)
        }
        if request.method != "POST" { ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method) }
    }
}
