import ArgumentParser
import FoundationEssentials
import Ledger
import Management
import Money

#if canImport(Glibc)
    import Glibc
#endif

/// The organization that `tools/up` shows a newcomer. Its key lies in the home, readable by its owner alone.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create the demo organization with credits on the first run, and print its key on every run.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let settings = try Settings()
        let path = settings.home + "/demo-key"
        struct Answer: Encodable { let token: String }
        if let known = try? String(contentsOfFile: path, encoding: .utf8), known.hasPrefix("llmgtwy_") {
            let token = String(known.prefix { $0 != "\n" })
            try output.show(Answer(token: token), text: "key \(token)")
            return
        }
        let key = try await Shop.open { shop in
            let organization = try await shop.management.createOrganization(name: "Demo")
            _ = try await shop.management.grantCredits(
                organization: organization.id, amount: NanoDollars(10_000_000_000), kind: .promotional)
            let project = try await shop.management.createProject(organization: organization.id, name: "Demo")
            return try await shop.management.createKey(project: project.id, name: "Demo")
        }
        try Self.write(key.token.secret + "\n", to: path)
        try output.show(Answer(token: key.token.secret), text: "key \(key.token.secret)")
    }

    /// Mode 600 from the first byte on, which a file that is written and then locked down has not.
    private static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ValidationError("\(path) can't be written: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw ValidationError("\(path) can't be written: \(String(cString: strerror(errno)))") }
            bytes = bytes.dropFirst(written)
        }
    }
}
