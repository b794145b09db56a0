public import Logging
public import Postgres

/// Answers of the Responses API that are kept beside the ledger for 30 days, so that a later request may go on from them.
public struct ResponseStore: Sendable {
    /// An answer that is kept.
    public struct Kept: Sendable {
        /// As the client got it, JSON.
        public let body: [UInt8]
        /// The items up to the answer and of it, a JSON array.
        public let conversation: [UInt8]

        public init(body: [UInt8], conversation: [UInt8]) {
            self.body = body
            self.conversation = conversation
        }
    }

    /// The longest conversation that is kept, in bytes.
    public static let maximumBytes = 16 << 20
    private static let days: Int32 = 30

    private let client: PostgresClient
    private let logger: Logger

    public init(client: PostgresClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// Keeps an answer.
    ///
    /// - Throws: `PostgresError`.
    public func keep(
        _ kept: Kept, of response: RequestID, organization: OrganizationID, project: ProjectID, apiKey: APIKeyID
    ) async throws {
        try await client.query(
            """
            INSERT INTO ledger.responses (response, organization, project, api_key, body, conversation, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(days => $7))
            """,
            [
                .uuid(response.uuid), .uuid(organization.uuid), .uuid(project.uuid), .uuid(apiKey.uuid), .bytea(kept.body),
                .bytea(kept.conversation), .int4(Self.days),
            ], deadline: .seconds(5))
    }

    /// An answer of the project; nil when there is none, or no more.
    public func read(_ response: RequestID, of project: ProjectID) async throws -> Kept? {
        try await client.query(
            """
            SELECT body, conversation FROM ledger.responses
            WHERE response = $1 AND project = $2 AND expires_at > clock_timestamp()
            """, [.uuid(response.uuid), .uuid(project.uuid)], deadline: .seconds(5)
        ).first.map { Kept(body: try $0.decode(0), conversation: try $0.decode(1)) }
    }

    /// Deletes an answer of the project.
    ///
    /// - Returns: Whether it was there.
    public func delete(_ response: RequestID, of project: ProjectID) async throws -> Bool {
        try await client.query(
            "DELETE FROM ledger.responses WHERE response = $1 AND project = $2 RETURNING 1",
            [.uuid(response.uuid), .uuid(project.uuid)], deadline: .seconds(5)
        ).count == 1
    }

    /// Deletes what has expired, every minute until cancelled.
    public func run() async {
        while !Task.isCancelled {
            do {
                try await client.query(
                    """
                    DELETE FROM ledger.responses WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM ledger.responses WHERE expires_at < clock_timestamp() LIMIT 1000))
                    """, deadline: .seconds(60))
            } catch {
                if !Task.isCancelled { logger.warning("kept answers were not swept", metadata: ["error": "\(error)"]) }
            }
            try? await Task.sleep(for: .seconds(60))
        }
    }
}
