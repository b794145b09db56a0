import Postgres
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    @Test func secretsAreNotShown() throws {
        let url = "postgres://someone:hunter2@db.example:5433/books?sslmode=require&sslpassword=hunter2"
        let configuration = try PostgresConfiguration(url: url)
        #expect("\(configuration)" == "host=db.example port=5433 dbname=books user=someone")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
        for value: PostgresValue in [.text("hunter2"), .textArray(["hunter2"])] {
            var dumped = ""
            dump([PostgresStatement("SELECT 1", [value])], to: &dumped)
            #expect(!dumped.contains("hunter2"))
            #expect(!"\(value)\(String(reflecting: value))\(PostgresStatement("SELECT 1", [value]))".contains("hunter2"))
        }
    }

    @Test(arguments: [
        "", "mysql://x", "postgres://user:hunter2%zz@host/x", "postgres://host/x?hunter2=1", "postgres://ho\0st/",
        "host=x password=hunter2",
    ])
    func badURLsAreRefusedWithoutShowingThem(_ url: String) async {
        let error = await failure { _ = try PostgresConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error.map { "\($0)\($0.message)".contains("hunter2") } == false)
    }

    @Test func settingsHoldForTheSession() async throws {
        try await withConnection({
            $0.settings = ["search_path": "\"a b\\\\c\", \"d e\"", "my.own": "", "statement_timeout": "12345ms"]
            $0.applicationName = "settings of a test"
        }) { c in
            let row = try await c.query(
                """
                SELECT current_setting('search_path'), current_setting('my.own'), current_setting('statement_timeout'),
                    current_setting('application_name'), current_setting('tcp_user_timeout')
                """)[0]
            #expect(try row.decode(0, as: String.self) == "\"a b\\\\c\", \"d e\"")
            #expect(try row.decode(1, as: String.self) == "")
            #expect(try row.decode(2, as: String.self) == "12345ms")
            #expect(try row.decode(3, as: String.self) == "settings of a test")
        }
        let error = await failure { try await withConnection({ $0.settings = ["x -c y": "1"] }) { _ in } }
        #expect(error?.code == .invalidConfiguration)
    }
}
