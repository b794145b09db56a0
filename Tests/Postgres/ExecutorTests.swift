import Glibc
import Postgres
import Testing

/// Tasks on the thread that reads the answers.
@Suite struct ExecutorTests {
    @Test func aTaskStaysOnTheThreadThroughItsStatements() async throws {
        let executor = try #require(PostgresExecutor.shared)
        try await withConnection { connection in
            let threads = try await Task(executorPreference: executor) {
                var threads: Set<pthread_t> = [pthread_self()]
                for number in 0..<50 {
                    let rows = try await connection.query("SELECT $1", [.int8(Int64(number))])
                    #expect(try rows.first?.decode(0, as: Int64.self) == Int64(number))
                    threads.insert(pthread_self())
                }
                return threads.count
            }.value
            #expect(threads == 1)
        }
    }

    /// A job that comes while the thread is about to sleep must wake it.
    @Test func noJobIsOverlooked() async throws {
        let executor = try #require(PostgresExecutor.shared)
        var sum = 0
        for number in 0..<2000 {
            sum += await Task(executorPreference: executor) { number }.value
            if number % 16 == 0 { await Task.yield() }
        }
        #expect(sum == 1_999_000)
    }
}
