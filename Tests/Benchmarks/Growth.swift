import ArgumentParser
import Crypto
import Foundation
import Ledger
import Logging
import Money
import Postgres
import TestSupport

/// A ledger that grows to a number of events, for measurements of a gateway that serves it.
struct FillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill", abstract: "Append events of a busy day to a migrated database until it has so many.")

    @Option(help: "Events of the ledger.")
    var events: Int

    @Option(help: "A superuser's URL.")
    var database: String

    func run() async throws {
        try await FilledLedger.with(database, events: events) { ledger in
            print(#"{"benchmark":"fill","events":\#(ledger.head)}"#)
        }
    }
}

/// Organizations with credit and keys whose tokens are written to a file, for a load generator to use in turn.
struct ShopsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shops", abstract: "Append organizations with credit, a project and keys, and write the keys' tokens.")

    @Option(help: "Organizations.")
    var organizations: Int

    @Option(help: "Keys, spread over the organizations.")
    var keys: Int

    @Option(help: "A superuser's URL of a migrated database.")
    var database: String

    @Option(help: "The file that the tokens are written to, one a line.")
    var tokens: String

    func run() async throws {
        let connection = try await PostgresConnection.connect(
            try PostgresConfiguration(url: database), logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
        var events: [NewEvent] = []
        var lines: [String] = []
        let projects = (0..<organizations).map { _ in (OrganizationID.mint(), ProjectID.mint()) }
        for (organization, project) in projects {
            events.append(try event(OrganizationCreated(strict: true), .organization(organization), of: organization))
            events.append(
                try event(
                    CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(1_000_000_000_000)),
                    .credit(organization), of: organization))
            events.append(try event(ProjectCreated(usageLimit: nil), .project(project), of: organization))
        }
        for index in 0..<keys {
            let (organization, project) = projects[index % projects.count]
            let token = "llmgtwy_" + (0..<43).map { _ in String(UInt8.random(in: 0..<10)) }.joined()
            lines.append(token)
            let digest = SHA256.hash(data: Data(token.utf8)).map { String(format: "%02x", $0) }.joined()
            events.append(try event(APIKeyCreated(project: project, tokenSHA256: digest), .apiKey(.mint()), of: organization))
        }
        do {
            try await BusyDay.append(events, to: connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        try (lines.joined(separator: "\n") + "\n").write(toFile: tokens, atomically: true, encoding: .utf8)
        print(#"{"benchmark":"shops","organizations":\#(organizations),"keys":\#(keys)}"#)
    }

    private func event(_ data: some EventData, _ stream: StreamName, of organization: OrganizationID) throws -> NewEvent {
        try NewEvent(
            data, stream: stream, expectedVersion: 0, organization: organization, metadata: EventMetadata(), occurredAt: .now)
    }
}
