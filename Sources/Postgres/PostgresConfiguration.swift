import CPostgres

/// How to reach a database. Its description hides the password.
public struct PostgresConfiguration: Sendable {
    /// What `pg_stat_activity` shows.
    public var applicationName: String = "llmgateway"
    /// How long opening one connection may take.
    public var connectTimeout: Duration = .seconds(5)
    /// Settings of the session (`synchronous_commit`, `search_path`, …), sent as startup options so that RESET keeps them.
    public var settings: [String: String] = [:]
    /// How many prepared statements one connection keeps; the least recently used one is dropped.
    public var preparedStatementLimit = 256

    /// libpq's connection parameters without passwords.
    private var parameters: [String: String]
    private var secrets: Secrets

    /// A configuration from a URL such as `postgres://user:password@host:5432/database?sslmode=require`. Every parameter
    /// of libpq may follow the question mark, and what is left out comes from libpq's environment variables.
    ///
    /// Throws `invalidConfiguration`, without a word of the URL, which may hold a password.
    public init(url: String) throws(PostgresError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://"), !url.utf8.contains(0) else {
            throw PostgresError(.invalidConfiguration, "a database URL starts with postgres:// or postgresql://")
        }
        var problem: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &problem) else {
            PQfreemem(problem)
            throw PostgresError(
                .invalidConfiguration,
                "not a database URL: percent-encode what is special in user and password, and use parameters of libpq only")
        }
        defer { PQconninfoFree(options) }
        parameters = [:]
        secrets = Secrets(values: [:])
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                let name = String(cString: keyword)
                if name.contains("password") {
                    secrets.values[name] = String(cString: value)
                } else {
                    parameters[name] = String(cString: value)
                }
            }
            option += 1
        }
        if let name = parameters["application_name"] { applicationName = name }
    }

    /// The database's name; nil leaves it to libpq (the environment, then the user's name).
    public var database: String? {
        get { parameters["dbname"] }
        set { parameters["dbname"] = newValue }
    }

    /// The user's name; nil leaves it to libpq.
    public var user: String? {
        get { parameters["user"] }
        set { parameters["user"] = newValue }
    }

    /// What libpq is given: what the URL says, and where it is silent, time-outs that notice a dead peer within seconds.
    func connectionParameters() throws(PostgresError) -> [(String, String)] {
        var all = [
            "gssencmode": "disable", "keepalives": "1", "keepalives_idle": "5", "keepalives_interval": "2",
            "keepalives_count": "3", "tcp_user_timeout": "10000",
        ]
        all.merge(parameters) { _, given in given }
        all.merge(secrets.values) { _, given in given }
        all["client_encoding"] = "UTF8"
        all["application_name"] = applicationName
        all["options"] = try startupOptions()
        guard !all.values.contains(where: { $0.utf8.contains(0) }) else {
            throw PostgresError(.invalidConfiguration, "a connection parameter holds a NUL character")
        }
        return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func startupOptions() throws(PostgresError) -> String {
        var options = parameters["options"].map { [$0] } ?? []
        let fixed = ["TimeZone": "UTC", "DateStyle": "ISO, YMD"]
        for (name, value) in settings.merging(fixed, uniquingKeysWith: { _, fixed in fixed }).sorted(by: { $0.key < $1.key }) {
            guard !name.isEmpty, name.utf8.allSatisfy({ Self.isNameCharacter($0) }) else {
                throw PostgresError(.invalidConfiguration, "not the name of a setting of Postgres")
            }
            options.append("-c \(name)=\(Self.escaped(value))")
        }
        return options.joined(separator: " ")
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// The server splits its options at white space unless a backslash stands before it.
    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for character in value {
            if character == "\\" || character.isWhitespace { escaped.append("\\") }
            escaped.append(character)
        }
        return escaped
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible {
    /// Host, port, database and user.
    public var description: String {
        ["host", "port", "dbname", "user"].compactMap { name in parameters[name].map { "\(name)=\($0)" } }
            .joined(separator: " ")
    }

    /// The same as `description`.
    public var debugDescription: String { description }
}

/// Values that no description, log or dump may show.
private struct Secrets: Sendable, CustomStringConvertible, CustomReflectable {
    var values: [String: String]
    var description: String { "hidden" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
