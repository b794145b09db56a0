import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite struct IdentifierTests {
    @Test func everyUUIDSurvivesBase62() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("base62"))
        let edges = [UUID(high: 0, low: 0), UUID(high: .max, low: .max), UUID(high: 0, low: 61), UUID(high: 0, low: 62)]
        let random = (0..<2000).map { _ in UUID(high: generator.next(), low: generator.next()) }
        for uuid in edges + random {
            let id = OrganizationID(uuid: uuid)
            #expect(id.description.utf8.count == 26)
            #expect(OrganizationID(id.description) == id)
            #expect(OrganizationID(uuid.lowercase) == id)
            #expect(uuid.lowercase == uuid.uuidString.lowercased())
        }
    }

    @Test func theOrderOfTheTextIsTheOrderOfTheIds() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("order"))
        let ids = (0..<500).map { _ in RequestID(uuid: UUID(high: generator.next(), low: generator.next())) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    @Test func whatIsNotAnIdIsRefused() {
        let id = ProjectID.mint()
        #expect(ProjectID("org_" + id.description.dropFirst(5)) == nil)
        #expect(ProjectID(id.description + "0") == nil)
        #expect(ProjectID(String(id.description.dropLast())) == nil)
        #expect(ProjectID("proj_" + String(repeating: "z", count: 22)) == nil, "above 128 bits")
        #expect(ProjectID("proj-" + id.description.dropFirst(5)) == nil)
        #expect(ProjectID("proj_" + String(repeating: "é", count: 11)) == nil)
        #expect(ProjectID("") == nil)
    }

    @Test func mintedIdsGrowAlsoAcrossTasks() async {
        let batches = await withTaskGroup(of: [RequestID].self) { group in
            for _ in 0..<8 { group.addTask { (0..<5000).map { _ in RequestID.mint() } } }
            return await group.reduce(into: [[RequestID]]()) { $0.append($1) }
        }
        for batch in batches { #expect(zip(batch, batch.dropFirst()).allSatisfy { $0 < $1 }) }
        #expect(Set(batches.joined()).count == 40_000)
    }

    @Test func aClockThatIsSetBackDoesNotTurnIdsBack() {
        var clock = UUIDv7.Clock()
        var last: UInt64 = 0
        for milliseconds: UInt64 in [1000, 1001, 900, 5, 1002] {
            for _ in 0..<5000 {
                let stamp = clock.next(milliseconds: milliseconds, random: .max)
                #expect(stamp > last)
                last = stamp
            }
        }
    }

    @Test func idsAreOfVersion7() {
        let uuid = RequestID.mint().uuid
        #expect(uuid.high >> 12 & 0xF == 7)
        #expect(uuid.low >> 62 == 2)
        let now = UInt64(Timestamp.now.microseconds / 1000)
        #expect(now - min(now, uuid.high >> 16) < 5000)
    }

    @Test func anEventOfARequestKeepsItsTimeBits() {
        let request = RequestID.mint()
        let event = EventID.mint(for: request)
        #expect(event.uuid.high >> 16 == request.uuid.high >> 16)
        #expect(event.uuid != request.uuid)
    }

    @Test func foreignNamesGiveTheSameIdEverywhere() {
        // sha256("stripe" 00 "evt_1"), computed with sha256sum.
        let id = EventID(foreign: "stripe", "evt_1")
        #expect(id.uuid.lowercase == "a614a71e-4044-80d5-e8d3-f202d01788f3")
        #expect(EventID(foreign: "stripe", "evt_1") == id)
        #expect(EventID(foreign: "stripe", "evt_2") != id)
    }

    @Test func aStreamNameSurvivesItsText() {
        for kind in StreamKind.allCases {
            let name = StreamName(kind: kind, id: RequestID.mint().uuid)
            #expect(StreamName(name.description) == name)
            #expect(StreamName("\(kind.rawValue)/\(name.id.lowercase)") == name)
        }
        #expect(StreamName("request") == nil)
        #expect(StreamName("nothing/00000000-0000-0000-0000-000000000000") == nil)
    }
}

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00.000000Z", 0), ("2026-11-24T20:33:40.123456Z", 1_795_552_420_123_456),
        ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999), ("1969-12-31T23:59:59.000001Z", -999_999),
    ])
    func textAndNumberAgree(text: String, microseconds: Int64) {
        #expect(Timestamp(microseconds: microseconds).iso8601 == text)
        #expect(Timestamp(iso8601: text) == Timestamp(microseconds: microseconds))
    }

    @Test func readsWhatPeopleWrite() {
        #expect(Timestamp(iso8601: "2026-11-24") == Timestamp(iso8601: "2026-11-24T00:00:00.000000Z"))
        #expect(Timestamp(iso8601: "2026-11-24T12:00:00+02:00") == Timestamp(iso8601: "2026-11-24T10:00:00Z"))
        #expect(Timestamp(iso8601: "2026-11-24T12:00:00.5Z")?.microseconds == 1_795_521_600_500_000)
        for text in [
            "", "2026-11-31", "2025-02-29", "2026-11-24T24:00:00Z", "2026-11-24T12:00:00", "2026-11-24T12:00:00.Z",
            "2026-11-24T12:00:00.1234567Z", "2026-11-24T12:00:00Zx",
        ] {
            #expect(Timestamp(iso8601: text) == nil, "\(text)")
        }
    }

    @Test func everyDayOfCenturiesSurvives() {
        for day in stride(from: Int64(-200_000), to: 200_000, by: 37) {
            let date = CivilDate(daysSince1970: day)
            #expect(CivilDate(year: date.year, month: date.month, day: date.day)?.daysSince1970 == day)
        }
    }

    @Test func aLaterMomentIsExactToTheMicrosecond() {
        #expect(Timestamp(microseconds: 5).advanced(by: .seconds(60)).microseconds == 60_000_005)
        #expect(Timestamp(microseconds: 5).advanced(by: .microseconds(-7)).microseconds == -2)
        #expect(Timestamp(microseconds: .max).advanced(by: .seconds(1)).microseconds == .max)
    }
}
