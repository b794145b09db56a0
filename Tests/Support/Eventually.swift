/// A state that a test waited for in vain.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String
}

/// Waits for a state that comes by itself; the long limit only bounds a test that fails.
public func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(30)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw NeverHappened(description: "never happened: \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}
