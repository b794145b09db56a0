import Catalogue
import HTTPTypes
import Testing

@testable import Gateway

@Suite struct FreeLimitTests {
    @Test(arguments: [
        (FreeLimitKind.low, true, "20/60"), (.low, false, "5/600"), (.high, true, "100/60"), (.high, false, "50/600"),
    ])
    func aModelIsLimitedByItsKindAndTheCredits(_ kind: FreeLimitKind, _ hasCredits: Bool, _ limit: String) {
        #expect(FreeLimits().limit(of: kind, hasCredits: hasCredits) == FreeLimit(limit))
    }

    @Test func clientsAreToldHowManyAreLeftAndWhenThereAreMore() throws {
        func told(_ use: FreeUse) throws -> [String?] {
            var fields = HTTPFields()
            use.write(into: &fields)
            return try ["limit", "remaining", "reset"].map { word in
                let name = try #require(HTTPField.Name("x-ratelimit-\(word)"))
                return fields[name]
            }
        }
        #expect(try told(FreeUse(limit: 5, remaining: 4, wait: nil, resetsAt: 0)) == ["5", "4", nil])
        #expect(try told(FreeUse(limit: 5, remaining: 0, wait: 7, resetsAt: 1_795_478_407)) == ["5", "0", "1795478407"])
    }
}
