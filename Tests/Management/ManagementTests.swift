import Testing

@testable import Management

@Suite struct ManagementTests {
    @Test func tokensAreLongDifferentAndHideThemselves() {
        let tokens = (0..<100).map { _ in APIKeyToken() }
        #expect(Set(tokens.map(\.secret)).count == 100)
        for token in tokens {
            #expect(token.secret.hasPrefix("llmgtwy_") && token.secret.utf8.count == 51)
            #expect(token.digest.utf8.count == 64)
            #expect(!"\(token)".contains(token.secret))
            #expect(token.masked == token.secret.prefix(12) + "••••••••")
        }
    }
}
