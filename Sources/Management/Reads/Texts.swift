internal import Postgres

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder

/// The texts that lie beside the ledger.
enum Texts {
    /// The texts in a `jsonb` column; none when they were forgotten.
    static func decode(_ row: PostgresRow, _ column: Int) throws -> [String: String] {
        let body: [UInt8]? = try row.decode(column)
        guard let body else { return [:] }
        return try JSONDecoder().decode([String: String].self, from: Data(body))
    }
}

/// A row that holds what this build does not know.
struct UnreadableRow: Error {
    let what: String
}
