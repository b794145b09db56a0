import CCurl
import Foundation
import Logging
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(2))) struct AddressGuardTests {
    static let refused = [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:2::1", "2001:10::1",
        "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a01:203::1", "2002:c0a8:101::", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1",
        "fc00::1", "fd12:3456::1",
        "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
    ]
    static let allowed = [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1",
        "169.253.255.255",
        "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:200::1", "2001:4860:4860::8888",
        "2606:4700::1111",
        "2a00:1450::1", "3ffe::1",
    ]

    private func isPublic(_ text: String) throws -> Bool {
        var v4 = sockaddr_in()
        if inet_pton(AF_INET, text, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            return withUnsafePointer(to: &v4) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { AddressGuard.isPublic($0) }
            }
        }
        var v6 = sockaddr_in6()
        try #require(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        v6.sin6_family = sa_family_t(AF_INET6)
        return withUnsafePointer(to: &v6) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { AddressGuard.isPublic($0) } }
    }

    @Test(arguments: refused) func refuses(_ address: String) throws { #expect(try !isPublic(address)) }

    @Test(arguments: allowed) func allows(_ address: String) throws { #expect(try isPublic(address)) }

    @Test func refusesOtherFamilies() {
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNIX)
        #expect(!AddressGuard.isPublic(&address))
    }

    /// However the address is written, it is the one that is connected to that counts.
    @Test(arguments: [
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "0.0.0.0", "[::]", "169.254.169.254", "%31%32%37.0.0.1",
    ])
    func refusesURL(_ host: String) async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let request = HTTPTransportRequest(
                    method: "GET", url: "http://\(host):\(server.port)/", allowPrivateAddresses: false)
                let error = await failure { () async throws(HTTPTransportError) in try await transport.execute(request) }
                #expect(error?.code == .addressRefused || error?.code == .resolveFailed || error?.code == .invalidRequest)
                if host != "localhost." && host != "LOCALHOST" && !host.contains("%") { #expect(error?.code == .addressRefused) }
                #expect(error?.sentRequest == false)
                #expect(transport.connectionsOpened == 0)
                #expect(server.connections == 0)
            }
        }
    }

    /// The address of a name that changes between the check and the connection, or has a second address that is private: each
    /// address is judged when its socket is opened, and a name that was good before counts for nothing.
    @Test func judgesEachAddressWhenItsSocketIsOpened() async throws {
        let reactor = try #require(Reactor(configuration: .init(), certificateAuthorities: nil, inbox: Inbox()))
        let exchange = try #require(Exchange(slot: 0, reactor: reactor))
        let request = HTTPTransportRequest(method: "GET", url: "http://rebind.example/", allowPrivateAddresses: false)
        exchange.begin(Transfer(try PreparedRequest(request), inbox: reactor.inbox), now: 0)

        func isOpened(_ text: String) throws -> Bool {
            var v4 = sockaddr_in()
            try #require(inet_pton(AF_INET, text, &v4.sin_addr) == 1)
            v4.sin_family = sa_family_t(AF_INET)
            var address = curl_sockaddr()
            address.family = AF_INET
            address.socktype = Int32(SOCK_STREAM.rawValue)
            address.addrlen = UInt32(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &address.addr) { target in withUnsafeBytes(of: v4) { target.copyBytes(from: $0) } }
            let descriptor = openSocket(Unmanaged.passUnretained(exchange).toOpaque(), CURLSOCKTYPE_IPCXN, &address)
            if descriptor >= 0 { close(descriptor) }
            return descriptor >= 0
        }

        #expect(try !isOpened("127.0.0.1"))
        #expect(exchange.errorCode(CURLE_COULDNT_CONNECT) == .addressRefused)
        #expect(try isOpened("8.8.8.8"))
        #expect(try !isOpened("127.0.0.1"))
        #expect(try !isOpened("169.254.169.254"))
        // Not all of its addresses were refused.
        #expect(exchange.errorCode(CURLE_COULDNT_CONNECT) == .connectFailed)
        exchange.end()
    }

    /// A proxy would look the name up where the guard does not see it.
    @Test func goesThroughNoProxy() async throws {
        try await TestServer.with(echo) { proxy in
            try await withTransport(.init(proxy: proxy.url())) { transport in
                let url = "http://127.0.0.1:1/"
                _ = try await transport.fetch(.init(method: "GET", url: url))
                #expect(proxy.requests == 1)
                let request = HTTPTransportRequest(method: "GET", url: url, allowPrivateAddresses: false)
                let error = await failure { () async throws(HTTPTransportError) in try await transport.execute(request) }
                #expect(error?.code == .addressRefused)
                #expect(proxy.requests == 1)
            }
        }
    }

    /// A connection that was kept for those who may is not lent to those who may not.
    @Test func doesNotBorrowAKeptConnection() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                _ = try await transport.fetch(.init(method: "GET", url: server.url()))
                let request = HTTPTransportRequest(method: "GET", url: server.url(), allowPrivateAddresses: false)
                let error = await failure { () async throws(HTTPTransportError) in try await transport.execute(request) }
                #expect(error?.code == .addressRefused)
                #expect(server.requests == 1)
            }
        }
    }
}
