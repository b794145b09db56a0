import Foundation
import TestSupport
import Testing

@Suite struct CatalogueTests {
    /// The list that comes with LiteLLM, as it is.
    @Test func litellmsOwnListIsTakenOver() async throws {
        let python = ProcessInfo.processInfo.environment["LLMGATEWAY_CLIENTS_PYTHON"] ?? "python3"
        let find = "import importlib.util as u; print(u.find_spec('litellm').submodule_search_locations[0])"
        let folder = try await runCommand([python, "-c", find]).trimmingCharacters(in: .whitespacesAndNewlines)
        let made = "/tmp/catalogue-\(UUID().uuidString.prefix(13)).json"
        defer { try? FileManager.default.removeItem(atPath: made) }
        let list = folder + "/model_prices_and_context_window_backup.json"
        let gateway = GatewayProcess.executable
        let said = try await runCommand(
            [gateway, "catalogue", "import", "--from", "litellm", list, "--write", made, "--json"])
        struct Answer: Decodable { let added: Int }
        let added = try JSONDecoder().decode(Answer.self, from: Data(said.utf8)).added
        #expect(added > 500)
        let checked = try await runCommand([gateway, "catalogue", "check", made])
        #expect(checked.contains("catalogue ") && !checked.contains("warning"))
        let differences = try await runCommand([gateway, "catalogue", "diff", made])
        #expect(differences.split(separator: "\n").count > added)
        // What was taken over once is no change the second time.
        let again = try await runCommand(
            [gateway, "catalogue", "import", "--from", "litellm", list, "--known"], environment: ["LLMGATEWAY_CATALOGUE": made])
        #expect(try JSONDecoder().decode([String: [String]].self, from: Data(again.utf8)) == ["models": []])
    }

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
            try text.replacing("500", with: "700").replacing("900", with: "950").write(
                toFile: path, atomically: true, encoding: .utf8)
            try await gateway.start()
            try await gateway.python("catalogue.py", [key.token, path, "after"])
        }
    }
}
