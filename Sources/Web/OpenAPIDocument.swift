internal import FoundationEssentials
internal import JSON

/// What the server's routes take and answer, in OpenAPI 3.1; put together from the files of the folder `OpenAPI`.
///
/// `document.json` has what belongs to all; the members of every `paths-*.json` are paths, those of every `schemas*.json`
/// schemas.
public struct OpenAPIDocument: Sendable {
    /// A file that is missing or is not what it should be.
    public struct Unreadable: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The document, UTF-8 JSON.
    public let bytes: [UInt8]
    /// Every path with the methods that it knows, such as `GET`, as the document names them: `/orgs/{id}`.
    public let operations: [String: Set<String>]

    /// - Parameter folder: The folder `OpenAPI`.
    public init(folder: String) throws(Unreadable) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }.sorted()
        } catch {
            throw Unreadable(description: "\(folder) can't be listed: \(error)")
        }
        let document = try Self.read("document.json", in: folder)
        var paths: [JSONValue.Member] = []
        var schemas: [JSONValue.Member] = []
        for name in names {
            if name.hasPrefix("paths-") { try Self.add(name, in: folder, to: &paths) }
            if name.hasPrefix("schemas") { try Self.add(name, in: folder, to: &schemas) }
        }
        bytes =
            JSONValue.members([
                ("openapi", .string("3.1.0")), ("info", document["info"]), ("tags", document["tags"]),
                ("security", document["security"]), ("paths", .object(paths)),
                (
                    "components",
                    .members([
                        ("securitySchemes", document["securitySchemes"]), ("responses", document["responses"]),
                        ("schemas", .object(schemas)),
                    ])
                ),
            ]).bytes
        operations = Dictionary(
            uniqueKeysWithValues: paths.map { path in
                (path.name, Set((path.value.fields ?? []).map { $0.name.uppercased() }))
            })
    }

    private static func read(_ name: String, in folder: String) throws(Unreadable) -> JSONValue {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw Unreadable(description: "\(folder)/\(name) can't be read")
        }
        do {
            return try JSONValue([UInt8](data))
        } catch {
            throw Unreadable(description: "\(folder)/\(name) is no JSON: \(error)")
        }
    }

    private static func add(
        _ name: String, in folder: String, to members: inout [JSONValue.Member]
    ) throws(Unreadable) {
        for member in try read(name, in: folder).fields ?? [] {
            guard !members.contains(where: { $0.name == member.name }) else {
                throw Unreadable(description: "\(folder)/\(name) says \(member.name) again")
            }
            members.append(member)
        }
    }
}
