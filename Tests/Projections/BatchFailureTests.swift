import Postgres
import Testing

@testable import Projections

/// What is an event's fault, and what is not.
@Suite struct BatchFailureTests {
    private static func error(_ state: String) -> PostgresError { PostgresError(.server, "no", sqlState: state) }

    @Test(arguments: ["22003", "22P02", "23502", "23505", "21000", "42804", "54000", "P0001"])
    func `an event is to blame for what its data does`(_ state: String) {
        #expect(BatchFailure.isPoison(Self.error(state)))
        #expect(!BatchFailure.isMissing(Self.error(state)) && !BatchFailure.isUnknown(Self.error(state)))
    }

    @Test(arguments: ["42501", "3F000", "42P01", "42703", "42883", "42704"])
    func `no event is to blame for what is gone`(_ state: String) {
        #expect(BatchFailure.isMissing(Self.error(state)))
        #expect(!BatchFailure.isPoison(Self.error(state)) && !BatchFailure.isUnknown(Self.error(state)))
    }

    @Test(arguments: ["40001", "40P01", "53100", "57014", "57P01", "25P03"])
    func `no event is to blame for what passes`(_ state: String) {
        #expect(!BatchFailure.isPoison(Self.error(state)) && !BatchFailure.isMissing(Self.error(state)))
    }

    @Test func `an event that is not known is no poison`() {
        #expect(BatchFailure.isUnknown(Self.error("LG001")))
        #expect(!BatchFailure.isPoison(Self.error("LG001")))
    }
}
