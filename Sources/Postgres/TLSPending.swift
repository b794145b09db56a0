import Glibc

/// How many bytes OpenSSL has decrypted and not yet handed to libpq.
enum TLSPending {
    private typealias Function = @convention(c) (UnsafeMutableRawPointer) -> Int32

    /// libpq has OpenSSL loaded already; asking the loader saves a dependency on its headers.
    private static let function: Function? = dlsym(nil, "SSL_pending").map { unsafeBitCast($0, to: Function.self) }

    static func count(_ tls: UnsafeMutableRawPointer) -> Int32 { function?(tls) ?? 0 }
}
