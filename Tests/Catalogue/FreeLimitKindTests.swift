import Catalogue
import Testing

@Suite struct FreeLimitKindTests {
    @Test func aModelSaysHowOftenItMayBeHadForNothing() throws {
        let (usual, often) = (Sample.model("a"), Sample.model("b", #","free_limit":"high""#))
        let catalogue = try Sample.catalogue(usual, often)
        #expect(catalogue.model("a")?.freeLimit == .low && catalogue.model("b")?.freeLimit == .high)
        let other = try Sample.catalogue(usual, Sample.model("b"))
        #expect(catalogue.differences(to: other).map(\.description) == ["~ model b: free_limit high -> low"])
    }
}
