import Testing

@testable import Identity

/// Who counts as one.
@Suite struct LimitTests {
    private func key(_ address: String?) -> [UInt8] {
        Identity.Attempt("sign-in address", RateLimit(1, in: .seconds(1)), address: address).key
    }

    /// A listener of both versions sees clients of version 4 by their mapped addresses, which all begin alike.
    @Test func aClientIsOneByEverySpellingOfItsAddress() {
        #expect(key("::ffff:192.0.2.1") == key("192.0.2.1"))
        #expect(key("::ffff:192.0.2.1") != key("::ffff:192.0.2.2"))
        #expect(key("192.0.2.1") != key("192.0.2.2"))
        #expect(key("2001:db8:1:2::1") == key("2001:DB8:1:2:ffff::2"))
        #expect(key("2001:db8:1:2::1") != key("2001:db8:1:3::1"))
        #expect(key(nil) == key(nil) && key(nil) != key("::1"))
    }
}
