internal import Foundation

/// A new projection's folder, which works as it stands: what requests were charged by day and model. Whoever wants something
/// else changes it file by file, and always has something that runs.
public struct ProjectionTemplate: Sendable {
    /// Of the folder and of the Postgres schema.
    public let name: String

    /// - Throws: ``ProjectionError/Code/invalidDefinition`` for a name that can't be.
    public init(name: String) throws(ProjectionError) {
        // The definition knows what may name a projection.
        _ = try ProjectionDefinition(
            name: name, version: 1, events: ["request.completed": 1], tables: "", indexes: "", apply: "", verify: "")
        self.name = name
    }

    /// Makes the folder.
    ///
    /// - Parameter parent: A folder; `NAME` is made in it.
    /// - Returns: The path of the new folder.
    /// - Throws: ``ProjectionError/Code/invalidDefinition`` where it can't be made, or is there already.
    public func write(into parent: String) throws(ProjectionError) -> String {
        let folder = "\(parent)/\(name)"
        guard !FileManager.default.fileExists(atPath: folder) else {
            throw ProjectionError(.invalidDefinition, "\(folder) is there already")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (file, text) in files {
                try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
            }
        } catch {
            throw ProjectionError(.invalidDefinition, "\(folder) could not be made: \(error.localizedDescription)")
        }
        return folder
    }

    private var files: [(String, String)] {
        [
            ("projection.json", Self.definition.replacing("NAME", with: name)), ("tables.sql", Self.tables),
            ("indexes.sql", Self.indexes), ("apply.sql", Self.apply), ("verify.sql", Self.verify),
            ("README.md", Self.readme.replacing("NAME", with: name)),
        ]
    }

    private static let definition = """
        {
          "name": "NAME",
          "version": 1,
          "on_poison": "halt",
          "order": "stream",
          "events": {
            "request.completed": 1,
            "request.failed": 1,
            "request.cancelled": 1,
            "request.abandoned": 1,
            "request.settled_late": 1
          },
          "streams": {
            "request": ["request.authorized", "request.voided", "request.denied"]
          }
        }

        """

    private static let tables = """
        -- Amounts are nano-dollars (1e-9 USD).

        CREATE TABLE days (
            day date NOT NULL,
            model text COLLATE "C" NOT NULL,
            requests bigint NOT NULL,
            charged bigint NOT NULL,
            PRIMARY KEY (day, model)
        ) WITH (fillfactor = 90);

        COMMENT ON TABLE days IS 'What requests were charged, by day and model.';
        COMMENT ON COLUMN days.day IS 'The day on which they ended, UTC.';
        COMMENT ON COLUMN days.model IS 'The model that answered; empty where none did.';
        COMMENT ON COLUMN days.requests IS 'How many requests.';
        COMMENT ON COLUMN days.charged IS 'What they were charged, nano-dollars.';

        CREATE VIEW days_usd AS
        SELECT day, model, requests, charged * 0.000000001 AS charged FROM days;

        COMMENT ON VIEW days_usd IS 'The table days in US dollars.';
        COMMENT ON COLUMN days_usd.day IS 'The day on which they ended, UTC.';
        COMMENT ON COLUMN days_usd.model IS 'The model that answered; empty where none did.';
        COMMENT ON COLUMN days_usd.requests IS 'How many requests.';
        COMMENT ON COLUMN days_usd.charged IS 'What they were charged, USD.';

        """

    private static let indexes = """
        CREATE INDEX days_model ON days (model, day);

        """

    private static let apply = """
        -- An amount that is missing must not count as zero: the sum becomes NULL, and the table refuses that.
        INSERT INTO days AS t (day, model, requests, charged)
        SELECT
            (b.occurred_at AT TIME ZONE 'UTC')::date, coalesce(d.model, ''), count(*),
            CASE WHEN bool_and(d.charged >= 0 IS TRUE) THEN sum(d.charged)::bigint END
        FROM batch AS b,
            LATERAL jsonb_to_record(b.data) AS d(model text, charged bigint)
        GROUP BY 1, 2
        ORDER BY 1, 2
        ON CONFLICT (day, model) DO UPDATE SET
            requests = t.requests + excluded.requests,
            charged = t.charged + excluded.charged;

        """

    private static let verify = """
        -- The batch is here the whole history up to the checkpoint; whatever is returned is wrong.
        SELECT 'the sum differs from the fold' AS problem, f.charged AS expected, t.charged AS found
        FROM (SELECT coalesce(sum((data ->> 'charged')::numeric), 0) AS charged FROM batch) AS f,
            (SELECT coalesce(sum(charged), 0) AS charged FROM days) AS t
        WHERE f.charged <> t.charged;

        """

    private static let readme = """
        # NAME

        What requests were charged, by day and model.

        | table or view | one row a |
        |---|---|
        | `days` | day and model, in nano-dollars |
        | `days_usd` | the same in US dollars |

        ```sql
        SELECT model, sum(charged) AS charged FROM NAME.days_usd GROUP BY model ORDER BY charged DESC;
        ```

        """
}
