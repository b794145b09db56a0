import Crypto
import FoundationEssentials

@testable import Billing
@testable import Identity
@testable import Ledger

/// An event of any type: what was read is written so that it is read the same, and a spool's line stays a line.
///
/// The first byte chooses the type, the second its version, the rest is the data.
func fuzzLedger(_ bytes: [UInt8]) throws(Broken) {
    if let command = SpoolRecord.decode(bytes[...]) {
        let line = SpoolRecord.encode(command)
        try require(SpoolRecord.decode(line.dropLast()) == command, "a record is not read back")
    }
    guard bytes.count > 2 else { return }
    let registry = EventRegistry.standard
    let names = registry.typeNames
    let stream = StreamName(kind: .ledger, id: .zero)
    func recorded(_ type: String, _ version: Int32, _ data: [UInt8]) -> RecordedEvent {
        RecordedEvent(
            position: 1, id: EventID(uuid: .zero), stream: stream, streamVersion: 1, type: type, schemaVersion: version,
            organization: nil, data: data, metadata: Array("{}".utf8), occurredAt: Timestamp(microseconds: 1),
            recordedAt: Timestamp(microseconds: 1), hash: [])
    }
    let name = names[Int(bytes[0]) % names.count]
    guard case .known(let data)? = try? registry.decode(recorded(name, Int32(bytes[1] % 3), Array(bytes.dropFirst(2)))),
        let written = try? write(data, stream)
    else { return }
    guard case .known(let again)? = try? registry.decode(recorded(name, written.schemaVersion, written.data)) else {
        throw Broken(description: "\(name) is written so that it can't be read")
    }
    try require((try? write(again, stream))?.data == written.data, "\(name) is another event after it was written")
}

private func write(_ data: any EventData, _ stream: StreamName) throws -> NewEvent {
    try NewEvent(data, stream: stream, expectedVersion: nil, organization: nil)
}

/// No header that a stranger writes is believed; what was signed is, and nothing else of it.
func fuzzStripe(_ bytes: [UInt8]) throws(Broken) {
    let header = String(decoding: bytes, as: UTF8.self)
    for now: Int64 in [0, 1_732_800_000, .max] {
        guard let signature = try? StripeSignature(header: header) else { break }
        var isBelieved = true
        do { try signature.check(body: bytes, secrets: ["whsec_a", "whsec_b"], now: now) } catch { isBelieved = false }
        try require(!isBelieved, "a header from nowhere is believed")
    }
    let time = 1_732_800_000
    let code = HMAC<SHA256>.authenticationCode(
        for: Array("\(time).".utf8) + bytes, using: SymmetricKey(data: Array("whsec_b".utf8)))
    let signed = "t=\(time),v0=\(header.count),v1=\(code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())"
    guard let signature = try? StripeSignature(header: signed) else { throw Broken(description: "a right header is malformed") }
    do { try signature.check(body: bytes, secrets: ["whsec_a", "whsec_b"], now: Int64(time) + 300) } catch {
        throw Broken(description: "a right signature is refused")
    }
    var isBelieved = true
    do { try signature.check(body: bytes + [0], secrets: ["whsec_b"], now: Int64(time)) } catch { isBelieved = false }
    try require(!isBelieved, "a longer body is believed")
}

/// Bytes of an authenticator: a value that was read is the same when it is written and read again.
func fuzzWebAuthn(_ bytes: [UInt8]) throws(Broken) {
    if let value = try? CBORReader.read(bytes) {
        try require((try? CBORReader.read(encode(value))) == value, "a value is not read back")
    }
    if let data = AuthenticatorData(bytes), let attested = data.attested {
        try require(!attested.credentialID.isEmpty && attested.credentialID.count < 1024, "a credential without an id")
        try require((try? CBORReader.read(attested.publicKey)) == attested.key, "the key's bytes are another key")
        _ = CredentialKey(attested.key)
    }
    let party = RelyingParty(id: "localhost", origins: ["http://localhost"], requiresUserVerification: true)
    let middle = bytes.count / 2
    let client = Array(bytes[..<middle])
    if let made = try? party.registration(clientData: client, attestation: Array(bytes[middle...])) {
        try require(made.data.isUserPresent, "a passkey that nobody was present for")
    }
    let good = Array(
        #"{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"http://localhost"}"#.utf8)
    if let made = try? party.registration(clientData: good, attestation: bytes) {
        try require(made.data.isUserPresent && made.data.isUserVerified, "a passkey that nobody was verified for")
    }
    _ = try? party.assertion(clientData: client, authenticatorData: Array(bytes[middle...]), signature: bytes)
}

private func encode(_ value: CBOR) -> [UInt8] {
    func head(_ major: UInt8, _ argument: UInt64) -> [UInt8] {
        [major << 5 | 27] + (0..<8).map { UInt8(truncatingIfNeeded: argument >> (56 - 8 * $0)) }
    }
    return switch value {
    case .integer(let value): value < 0 ? head(1, UInt64(bitPattern: -1 - value)) : head(0, UInt64(value))
    case .bytes(let bytes): head(2, UInt64(bytes.count)) + bytes
    case .text(let text): head(3, UInt64(text.utf8.count)) + text.utf8
    case .array(let elements): elements.reduce(head(4, UInt64(elements.count))) { $0 + encode($1) }
    case .map(let map): map.reduce(head(5, UInt64(map.count))) { $0 + encode($1.key) + encode($1.value) }
    case .bool(let flag): [flag ? 0xF5 : 0xF4]
    case .null: [0xF6]
    }
}
