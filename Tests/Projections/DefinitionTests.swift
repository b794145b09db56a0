import Foundation
import Projections
import TestSupport
import Testing

/// A projection's folder.
@Suite struct DefinitionTests {
    private static func folder(_ json: String, files: [String] = ["tables.sql", "indexes.sql", "apply.sql", "verify.sql"]) throws
        -> String
    {
        let folder = NSTemporaryDirectory() + "projections-\(UUID().uuidString)/sample"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try json.write(toFile: "\(folder)/projection.json", atomically: true, encoding: .utf8)
        for file in files { try "".write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8) }
        return folder
    }

    @Test func `a folder is read`() throws {
        let folder = try Self.folder(
            #"{"name": "sample", "version": 3, "on_poison": "park_stream", "events": {"b.c": 2, "a.b": 1},"#
                + #""streams": {"b": ["b.d"]}}"#)
        let definition = try ProjectionDefinition.load(folder: folder)
        #expect(definition.name == "sample")
        #expect(definition.version == 3)
        #expect(definition.onPoison == .parkStream)
        #expect(definition.types == ["a.b", "b.c"])
        #expect(definition.streams == ["b": ["b.d"]])
        #expect(
            try ProjectionDefinition.load(folder: Self.folder(#"{"name": "sample", "version": 1, "events": {"a.b": 1}}"#))
                .onPoison == .halt)
    }

    @Test(arguments: [
        ("{", "projection.json"), (#"{"name": "sample", "version": 1}"#, "events is missing"),
        (#"{"name": "sample", "version": 1, "events": {}}"#, "at least one"),
        (#"{"name": "sample", "version": 1, "events": {"A": 1}}"#, "at least one event type"),
        (#"{"name": "sample", "version": 0, "events": {"a.b": 1}}"#, "version"),
        (#"{"name": "sample", "version": "1", "events": {"a.b": 1}}"#, "version"),
        (#"{"name": "other", "version": 1, "events": {"a.b": 1}}"#, "the folder is sample"),
        (#"{"name": "sample", "version": 1, "events": {"a.b": 1}, "on_posion": "halt"}"#, "on_posion"),
        (#"{"name": "sample", "version": 1, "events": {"a.b": 1}, "on_poison": "skip"}"#, "on_poison"),
        (#"{"name": "sample", "version": 1, "events": {"a.b": 1}, "streams": ["credit"]}"#, "streams"),
        (#"{"name": "sample", "version": 1, "events": {"a.b": 1}, "streams": {"Credit": []}}"#, "streams must name"),
        (#"{"name": "sample", "version": 1, "events": {"a.b": 1}, "streams": {"credit": ["a.b"]}}"#, "a.b is in events"),
    ]) func `a folder that is not right is refused with what is wrong`(_ json: String, _ reason: String) throws {
        let folder = try Self.folder(json)
        let error = #expect(throws: ProjectionError.self) { try ProjectionDefinition.load(folder: folder) }
        #expect(error?.code == .invalidDefinition)
        #expect(error?.message.contains(reason) == true)
    }

    @Test func `a file that is missing is named`() throws {
        let folder = try Self.folder(
            #"{"name": "sample", "version": 1, "events": {"a.b": 1}}"#, files: ["tables.sql", "indexes.sql", "verify.sql"])
        let error = #expect(throws: ProjectionError.self) { try ProjectionDefinition.load(folder: folder) }
        #expect(error?.message.contains("apply.sql") == true)
    }

    @Test func `two folders of one name are refused, each named, and one that is come to twice is one`() throws {
        let json = #"{"name": "sample", "version": 1, "events": {"a.b": 1}}"#
        let (one, other) = (try Self.folder(json), try Self.folder(json))
        let parents = [one, other].map { String($0.dropLast("/sample".count)) }
        let error = #expect(throws: ProjectionError.self) { try ProjectionCatalogue.load(folders: parents) }
        #expect(error?.code == .invalidDefinition)
        #expect(error?.message.contains(one) == true && error?.message.contains(other) == true)
        let twice = try ProjectionCatalogue.load(folders: [parents[0], one, one + "/.."])
        #expect(twice.definitions.map(\.name) == ["sample"])
    }

    @Test(arguments: [
        "", "Sample", "1st", "a-b", "ledger", "projections", "public", "pg_x", "a__b", String(repeating: "a", count: 41),
    ])
    func `a name that can't be a schema is refused`(_ name: String) {
        #expect(throws: ProjectionError.self) {
            try ProjectionDefinition(
                name: name, version: 1, events: ["a.b": 1], tables: "", indexes: "", apply: "", verify: "")
        }
    }
}
