import Foundation
import NIOCore
import NIOSSL
import TestSupport

/// A server's certificate and key, as PEM files.
struct Certificate: Sendable {
    let certificate: String
    let key: String

    func context(protocols: [String]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        configuration.applicationProtocols = protocols
        // A client that keeps an idle connection does not answer the server's goodbye.
        configuration.shutdownTimeout = .milliseconds(20)
        return try NIOSSLContext(configuration: configuration)
    }
}

/// An authority of a test's own and certificates that are right, or wrong in one way each.
struct Certificates: Sendable {
    private let folder: String

    /// PEM file of the authority.
    var authority: String { folder + "/ca.pem" }
    /// For 127.0.0.1 and localhost.
    var good: Certificate { named("good") }
    /// For 127.0.0.1 alone.
    var addressOnly: Certificate { named("address") }
    /// Its last day was yesterday.
    var expired: Certificate { named("expired") }
    /// For 127.0.0.1 and localhost, signed by nobody but itself.
    var selfSigned: Certificate { named("self") }

    private func named(_ name: String) -> Certificate {
        Certificate(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name == "self" ? "self-" : "")key.pem")
    }

    static func with<Value>(_ body: (Certificates) async throws -> Value) async throws -> Value {
        let certificates = Certificates(folder: "/tmp/certificates-\(UUID().uuidString.prefix(13))")
        try FileManager.default.createDirectory(atPath: certificates.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: certificates.folder) }
        try await certificates.make()
        return try await body(certificates)
    }

    private func make() async throws {
        let both = "IP:127.0.0.1,DNS:localhost"
        func openssl(_ arguments: String) async throws {
            try await runCommand(["/bin/sh", "-c", "cd \(folder) && openssl \(arguments)"])
        }
        try await openssl("ecparam -name prime256v1 -genkey -noout -out key.pem")
        try await openssl("ecparam -name prime256v1 -genkey -noout -out self-key.pem")
        try await openssl("req -x509 -new -key key.pem -subj /CN=test-authority -days 2 -out ca.pem")
        try await openssl("req -x509 -new -key self-key.pem -subj /CN=self -days 2 -addext subjectAltName=\(both) -out self.pem")
        for (name, names, days) in [("good", both, 2), ("address", "IP:127.0.0.1", 2), ("expired", both, -1)] {
            try "subjectAltName=\(names)\n".write(toFile: "\(folder)/\(name).ext", atomically: true, encoding: .utf8)
            try await openssl("req -new -key key.pem -subj /CN=\(name) -out \(name).csr")
            try await openssl(
                "x509 -req -in \(name).csr -CA ca.pem -CAkey key.pem -days \(days) -extfile \(name).ext -out \(name).pem")
        }
    }
}
