import Foundation
import Ledger
import Postgres
import Projections
import TestSupport
import Testing

/// The SQL in the READMEs is true of the tables that there are.
@Suite struct ReadmeTests {
    /// Whose examples find something in every history.
    private static let telling: Set<String> = [
        "balances", "grants", "journal", "usage", "requests", "daily_margin", "cohort_retention", "failed_cost",
    ]

    @Test func `every example in a projection's README runs, and those about money find something`() async throws {
        let folder = TestEnvironment.root + "/projections"
        let folders = [folder, folder + "/examples"]
        let catalogue = try ProjectionCatalogue.load(folders: folders)
        var generator = HistoryGenerator(seed: TestEnvironment.seed("examples"))
        try await LedgerDatabase.with { database in
            try await database.append(try generator.events(atLeast: 2500))
            for definition in catalogue.definitions { try await project(definition, database) }
            let uncommented = try await Self.uncommented(database)
            #expect(uncommented.isEmpty, "\(uncommented.joined(separator: " "))")
            // The organization of which there is most to tell.
            let organization = try await database.text(
                "SELECT organization::text FROM requests.requests GROUP BY organization ORDER BY count(*) DESC LIMIT 1")
            for definition in catalogue.definitions {
                let comparer = Comparer(
                    definition: definition, configuration: database.configuration, logger: database.logger)
                #expect(try await comparer.verify() == [], "\(definition.name)")
                let readme = try #require(
                    folders.lazy.compactMap {
                        try? String(contentsOfFile: "\($0)/\(definition.name)/README.md", encoding: .utf8)
                    }.first)
                let examples = Self.examples(in: readme)
                #expect(!Self.telling.contains(definition.name) || examples.count >= 2, "\(definition.name)")
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

    /// Tables, views and columns of projections that don't say what they are; `batch` is the projector's.
    private static func uncommented(_ database: LedgerDatabase) async throws -> [String] {
        try await database.lines(
            """
            SELECT c.relnamespace::regnamespace, c.relname, a.attname
            FROM pg_class AS c
            JOIN projections.checkpoints AS k ON c.relnamespace::regnamespace = quote_ident(k.schema_name)::regnamespace
            LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relkind IN ('r', 'v') AND c.relname NOT IN ('batch', 'changes')
                AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
            """)
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
