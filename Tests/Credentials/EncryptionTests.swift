import Foundation
import Ledger
import Logging
import Postgres
import TestSupport
import Testing

@testable import Credentials

@Suite struct EncryptionTests {
    private static func key(_ byte: UInt8) -> String { Data(repeating: byte, count: 32).base64EncodedString() }

    private static func keys(_ bytes: UInt8...) throws -> EncryptionKeys {
        try EncryptionKeys(list: bytes.map(key).joined(separator: ","), place: "the test")
    }

    private let provider = ProviderKeyID.mint()
    private let organization = OrganizationID.mint()

    @Test func whatIsSealedOpensWithItsKeyAlone() throws {
        let sealed = try Self.keys(1).seal("sk-secret", for: provider, of: organization)
        #expect(try Self.keys(1).open(sealed, for: provider, of: organization) == "sk-secret")
        #expect(try Self.keys(2, 1).open(sealed, for: provider, of: organization) == "sk-secret")
        #expect(String(decoding: sealed, as: UTF8.self).contains("secret") == false)
        #expect(throws: EncryptionKeys.Failure.self) { try Self.keys(2).open(sealed, for: provider, of: organization) }
        // Moved to another row, it is nothing.
        #expect(throws: EncryptionKeys.Failure.tampered) {
            try Self.keys(1).open(sealed, for: .mint(), of: organization)
        }
        #expect(throws: EncryptionKeys.Failure.tampered) { try Self.keys(1).open(sealed, for: provider, of: .mint()) }
    }

    @Test func everyChangedByteIsNoticed() throws {
        let keys = try Self.keys(1)
        let sealed = try keys.seal("sk-secret", for: provider, of: organization)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: EncryptionKeys.Failure.self) { try keys.open(changed, for: provider, of: organization) }
        }
        for length in 0..<sealed.count {
            #expect(throws: EncryptionKeys.Failure.self) {
                try keys.open(Array(sealed[..<length]), for: provider, of: organization)
            }
        }
    }

    @Test(arguments: ["", "short", "\(key(1)),", "AAAA,\(key(1))", "\(key(1)) \(key(1))"])
    func aListThatIsNoListIsRefused(_ list: String) {
        // A comma at the end separates nothing.
        if list.hasSuffix(",") {
            #expect(throws: Never.self) { try EncryptionKeys(list: list, place: "PLACE") }
        } else {
            #expect(throws: EncryptionKeys.Malformed.self) { try EncryptionKeys(list: list, place: "PLACE") }
        }
    }

    @Test func theFileIsMadeOnceAndForItsOwnerAlone() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/home/keys"
        // Whoever begins at the same moment gets the same key.
        let all = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<8 { group.addTask { try EncryptionKeys(path: path).newest } }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(all.count == 1)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/home") == ["keys"])
    }

    @Test func aCredentialIsNeverPrinted() throws {
        let credential = try #require(ProviderCredential("sk-0123456789abcdefghijklmnop"))
        var dumped = ""
        dump(credential, to: &dumped)
        for text in ["\(credential)", String(reflecting: credential), dumped] { #expect(!text.contains("0123")) }
        #expect(credential.mask == "sk-0\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}mnop")
        #expect(ProviderCredential("sk\r\nx: y") == nil && ProviderCredential("") == nil)
    }

    @Test func rotationLeavesNothingBehind() async throws {
        try await LedgerDatabase.with { database in
            let client = database.client
            let old = ProviderSecrets(postgres: client, keys: try Self.keys(1))
            var ids: [ProviderKeyID] = []
            for number in 0..<230 {
                let id = ProviderKeyID.mint()
                try await old.put(try #require(ProviderCredential("sk-\(number)")), for: id, of: organization)
                ids.append(id)
            }
            // One that another key encrypted, and that nobody here can read.
            try await ProviderSecrets(postgres: client, keys: try Self.keys(9)).put(
                try #require(ProviderCredential("sk-lost")), for: .mint(), of: organization)
            let new = ProviderSecrets(postgres: client, keys: try Self.keys(2, 1))
            let rotation = try await new.rotate()
            #expect(rotation == .init(rotated: 230, unreadable: 1, total: 231))
            #expect(try await new.rotate() == .init(rotated: 0, unreadable: 1, total: 1))
            let alone = ProviderSecrets(postgres: client, keys: try Self.keys(2))
            for (number, id) in ids.enumerated() {
                let row = try await client.query(
                    "SELECT ciphertext FROM management.provider_secrets WHERE provider_key = $1", [.uuid(id.uuid)])
                let sealed: [UInt8] = try #require(try row.first?.decode(0))
                #expect(try alone.credential(sealed, for: id, of: organization).secret == "sk-\(number)")
            }
        }
    }
}
