internal import Crypto

import struct FoundationEssentials.Data

/// One key that encrypts credentials: 32 random bytes.
struct EncryptionKey: Sendable {
    /// Four bytes of a digest of the key: they say in each ciphertext which key it needs, and nothing of the key.
    let id: [UInt8]
    let key: SymmetricKey

    static let length = 32
    static let idLength = 4

    /// - Parameter bytes: ``length`` of them.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        key = SymmetricKey(data: bytes)
        id = Array(SHA256.hash(data: Array("llmgateway credentials".utf8) + bytes).prefix(Self.idLength))
    }

    /// Reads 32 bytes in Base64.
    init?(base64 text: some StringProtocol) {
        guard let data = Data(base64Encoded: String(text)) else { return nil }
        self.init(Array(data))
    }

    /// A new key, in Base64.
    static func makeBase64() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() }
    }
}
