import Foundation
import Ledger
import Postgres
import Projections
import TestSupport
import Testing

/// The SQL in the READMEs is true of the tables that there are.
@Suite struct ReadmeTests {
    /// Whose examples find something in every history.
    private static let telling: Set<String> = ["balances", "grants", "journal", "usage", "requests"]

    @Test func `every example in a projection's README runs, and those about money find something`() async throws {
        let folder = TestEnvironment.root + "/projections"
        let catalogue = try ProjectionCatalogue.load(folders: [folder])
        var generator = HistoryGenerator(seed: TestEnvironment.seed("examples"))
        try await LedgerDatabase.with { database in
            try await database.append(try generator.events(2500))
            for definition in catalogue.definitions { try await project(definition, database) }
            // The organization of which there is most to tell.
            let organization = try await database.text(
                "SELECT organization::text FROM requests.requests GROUP BY organization ORDER BY count(*) DESC LIMIT 1")
            for definition in catalogue.definitions {
                let readme = try String(contentsOfFile: "\(folder)/\(definition.name)/README.md", encoding: .utf8)
                let examples = Self.examples(in: readme)
                #expect(!Self.telling.contains(definition.name) || examples.count >= 3, "\(definition.name)")
                for example in examples {
                    let sql = example.replacing(":'organization'", with: "'\(organization)'")
                    do {
                        let rows = try await database.client.query(sql)
                        #expect(!Self.telling.contains(definition.name) || rows.count > 0, "nothing is found by: \(example)")
                    } catch {
                        Issue.record("\(definition.name): \(error): \(example)")
                    }
                }
            }
        }
    }

    /// The blocks between ```sql and ```, without the semicolon at the end.
    private static func examples(in text: String) -> [String] {
        text.split(separator: "```sql\n").dropFirst().compactMap { part in
            guard let end = part.firstRange(of: "```") else { return nil }
            return String(part[..<end.lowerBound].trimming { $0 == ";" || $0.isWhitespace })
        }
    }
}

extension Substring {
    /// Without what satisfies the condition at the end.
    fileprivate func trimming(_ condition: (Character) -> Bool) -> Substring {
        guard let last = lastIndex(where: { !condition($0) }) else { return "" }
        return self[...last]
    }
}
