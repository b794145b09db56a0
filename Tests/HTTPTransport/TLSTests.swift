import HTTPTransport
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    private func answer(_ transport: HTTPTransport, _ url: String) async throws(HTTPTransportError) -> String {
        try await transport.fetch(.init(url: url, body: .bytes([65]))).body
    }

    /// - Parameter words: what libcurl must say, so that it was refused for this reason and no other.
    private func expectRefused(_ transport: HTTPTransport, _ url: String, _ words: String? = nil) async {
        let error = await failure { () async throws(HTTPTransportError) in try await answer(transport, url) }
        #expect(error?.code == .tlsFailed)
        #expect(error?.sentRequest == false)
        if let words { #expect(error?.message.contains(words) == true, "\(error?.message ?? "")") }
    }

    @Test func acceptsWhatTheAuthoritySigned() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.good), echo) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority)) { transport in
                    for host in ["127.0.0.1", "localhost"] {
                        let body = try await answer(transport, server.url(host: host))
                        #expect(body == "A")
                    }
                }
            }
        }
    }

    @Test func refusesAWrongName() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.addressOnly), echo) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority)) { transport in
                    await expectRefused(transport, server.url(host: "localhost"), "no alternative certificate subject name")
                    #expect(server.requests == 0)
                    let body = try await answer(transport, server.url())
                    #expect(body == "A")
                    // The connection that is kept now is not lent to the name that it was not verified for.
                    await expectRefused(transport, server.url(host: "localhost"), "no alternative certificate subject name")
                    #expect(server.requests == 1)
                }
            }
        }
    }

    @Test func refusesAnExpiredCertificate() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.expired), echo) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority)) { transport in
                    await expectRefused(transport, server.url(), "expired")
                }
                #expect(server.requests == 0)
            }
        }
    }

    @Test func refusesASelfSignedCertificate() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.selfSigned), echo) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority)) { transport in
                    await expectRefused(transport, server.url(), "self-signed")
                }
                #expect(server.requests == 0)
            }
        }
    }

    /// The system's authorities do not know the test's own.
    @Test func refusesAnUnknownAuthority() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.good), echo) { server in
                try await withTransport { await expectRefused($0, server.url(), "certificate") }
                let missing = HTTPTransportConfiguration(certificateAuthorities: "/nonexistent/ca.pem")
                try await withTransport(missing) { await expectRefused($0, server.url(), "ca.pem") }
                #expect(server.requests == 0)
            }
        }
    }

    @Test func refusesAServerWithoutTLS() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { await expectRefused($0, "https://127.0.0.1:\(server.port)/") }
            #expect(server.requests == 0)
        }
    }

    /// Nor is TLS left out where it was asked for, nor tried where it was not.
    @Test func doesNotSpeakPlainlyToATLSServer() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http1(certificates.good), echo) { server in
                try await withTransport { transport in
                    let url = "http://127.0.0.1:\(server.port)/"
                    let error = await failure { () async throws(HTTPTransportError) in try await answer(transport, url) }
                    #expect(error?.code == .reset || error?.code == .protocolError)
                }
                #expect(server.requests == 0)
            }
        }
    }

    @Test(arguments: [true, false]) func keepsConnectionsAlive(_ http2: Bool) async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http2(certificates.good), echo) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority, http2: http2)) { transport in
                    for _ in 0..<50 {
                        let body = try await answer(transport, server.url())
                        #expect(body == "A")
                    }
                    #expect(server.connections == 1)
                    #expect(transport.connectionsOpened == 1)
                }
            }
        }
    }
}
