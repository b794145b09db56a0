import Catalogue
import Foundation
import JSON
import Testing

/// Days and minutes as a catalogue says them.
@Suite struct CalendarTests {
    @Test func datesAreTheCalendars() throws {
        let calendar = Calendar(identifier: .gregorian)
        var utc = calendar
        utc.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for offset in stride(from: 0, to: 40_000, by: 13) {
            let date = Date(timeIntervalSince1970: Double(offset) * 86_400)
            let parts = utc.dateComponents([.year, .month, .day], from: date)
            let text = "\(parts.year ?? 0)-\(pad(parts.month))-\(pad(parts.day))"
            let catalogue = try Sample.catalogue(Sample.model("a", mapping: #","deprecated_at":"\#(text)""#))
            #expect(catalogue.models[0].mappings[0].deprecatedAt == Int64(offset) * 86_400_000_000, "\(text)")
            let listing = try JSONValue(catalogue.listing(at: 0))
            #expect(listing["data"]?.elements?.first?["deprecated_at"]?.text == text)
        }
    }

    @Test func aDateMayHaveAMinute() throws {
        func deactivated(_ text: String) throws -> Int64? {
            try Sample.catalogue(Sample.model("a", mapping: #","deactivated_at":"\#(text)""#)).models[0].mappings[0].deactivatedAt
        }
        #expect(try deactivated("2026-11-24T17:05Z") == Sample.now + (17 * 60 + 5) * 60_000_000)
        #expect(try deactivated("2026-11-24T00:00Z") == Sample.now)
        for wrong in ["T17:00", "T17:00z", "T24:00Z", "T17:60Z", "T1700Z", "T17:00:00Z", "T1é:0Z", "T", " 17:00Z", "T-1:00Z"] {
            #expect(throws: CatalogueError.self, "\(wrong)") { try deactivated("2026-11-24" + wrong) }
        }
        // It is said as it was read, and the model goes at that minute.
        let catalogue = try Sample.catalogue(Sample.model("a", mapping: #","deactivated_at":"2026-11-24T17:05Z""#))
        let listing = try JSONValue(catalogue.listing(at: Sample.now))
        #expect(listing["data"]?.elements?.first?["deactivated_at"]?.text == "2026-11-24T17:05Z")
        #expect(throws: ResolutionError.self) { try catalogue.resolve("a", at: Sample.now + (17 * 60 + 5) * 60_000_000) }
    }

    private func pad(_ number: Int?) -> String { (number ?? 0) < 10 ? "0\(number ?? 0)" : "\(number ?? 0)" }
}
