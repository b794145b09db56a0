import Postgres
import Testing

@testable import Ledger

/// Whose fault a failed append is: what is the command's is refused for good, whatever else there is ends.
@Suite struct AppendFailureTests {
    @Test(arguments: ["22003", "22021", "22023", "2202E", "22P02", "22P05", "23502", "23505", "54000", "54001"])
    func whatNoServerTakesIsPoison(state: String) {
        #expect(Self.failure(state) == .poison(sqlState: state))
    }

    /// Lost rights, a schema that is not this build's, a setting of the session, a standby, resources, a damaged disk.
    @Test(arguments: [
        "0A000", "21000", "25001", "25006", "25P02", "26000", "28000", "34000", "39000", "3F000", "40001", "40P01", "42501",
        "42704",
        "42883", "42P01", "53100", "53200", "55000", "55P03", "57014", "58030", "F0000", "P0001", "XX000", "XX001",
    ])
    func whatTheServerLacksEnds(state: String) {
        #expect(Self.failure(state) == .transient)
    }

    @Test(arguments: ["08006", "57P01", "57P02", "57P03"])
    func whatMayHaveCommittedIsUnknown(state: String) {
        #expect(Self.failure(state) == .unknown)
    }

    @Test func aFailureWithoutAnAnswerIsWhatTheConnectionSays() {
        #expect(AppendFailure(PostgresError(.invalidParameter, "a NUL")) == .poison(sqlState: "22000"))
        #expect(AppendFailure(PostgresError(.connectionLost, "broken", outcomeUnknown: true)) == .unknown)
        #expect(AppendFailure(PostgresError(.connectionLost, "broken", outcomeUnknown: false)) == .transient)
        #expect(AppendFailure(PostgresError(.protocolViolation, "rows")) == .unknown)
    }

    private static func failure(_ state: String) -> AppendFailure {
        AppendFailure(PostgresError(.server, "not now", sqlState: state))
    }
}
