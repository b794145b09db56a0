import Foundation
import TestSupport
import Testing

@Suite struct CatalogueTests {
    /// Two gateways of one ledger, so that a change that both see is recorded once.
    @Test func aChangedFileIsObeyedWithoutARestartAndPricesAreEvents() async throws {
        let path = "/tmp/catalogue-\(UUID().uuidString.prefix(13)).json"
        try #"{"models": []}"#.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withGateway(environment: ["LLMGATEWAY_CATALOGUE": path]) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.withAnother { other in
                try await gateway.python("catalogue.py", [key.token, path, "before"], environment: ["OTHER_URL": other])
            }
            await gateway.stop()
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try text.replacing("500", with: "700").write(toFile: path, atomically: true, encoding: .utf8)
            try await gateway.start()
            try await gateway.python("catalogue.py", [key.token, path, "after"])
        }
    }
}
