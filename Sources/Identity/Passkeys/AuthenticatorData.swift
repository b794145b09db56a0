internal import FoundationEssentials

/// What an authenticator says and signs (WebAuthn level 2, section 6.1).
struct AuthenticatorData: Sendable {
    /// A new credential, only at a registration.
    struct Attested: Sendable {
        let aaguid: UUID
        let credentialID: [UInt8]
        /// The public key's own bytes, as they are stored.
        let publicKey: [UInt8]
        let key: CBOR
    }

    let relyingPartyDigest: [UInt8]
    let isUserPresent: Bool
    let isUserVerified: Bool
    /// Whether the passkey may be on several devices, and whether it is.
    let isBackupEligible: Bool
    let isBackedUp: Bool
    let counter: UInt32
    let attested: Attested?

    /// Nil for bytes that are too few, too many, or contradict themselves.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 37 else { return nil }
        let flags = bytes[32]
        relyingPartyDigest = Array(bytes[..<32])
        isUserPresent = flags & 0x01 != 0
        isUserVerified = flags & 0x04 != 0
        isBackupEligible = flags & 0x08 != 0
        isBackedUp = flags & 0x10 != 0
        counter = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        guard isBackupEligible || !isBackedUp else { return nil }

        var position = 37
        if flags & 0x40 != 0 {
            guard bytes.count >= position + 18 else { return nil }
            let aaguid = Array(bytes[position..<position + 16])
            let length = Int(bytes[position + 16]) << 8 | Int(bytes[position + 17])
            position += 18
            guard (1...1023).contains(length), bytes.count >= position + length else { return nil }
            let credentialID = Array(bytes[position..<position + length])
            position += length
            var reader = CBORReader(bytes[position...])
            guard let key = try? reader.value() else { return nil }
            attested = Attested(
                aaguid: Self.uuid(aaguid), credentialID: credentialID, publicKey: Array(bytes[position..<reader.position]),
                key: key)
            position = reader.position
        } else {
            attested = nil
        }
        if flags & 0x80 != 0 {
            var reader = CBORReader(bytes[position...])
            guard case .map = try? reader.value() else { return nil }
            position = reader.position
        }
        guard position == bytes.count else { return nil }
    }

    private static func uuid(_ b: [UInt8]) -> UUID {
        UUID(uuid: (b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]))
    }
}
