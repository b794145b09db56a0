import Foundation
import Money
import TestSupport
import Testing

@testable import Ledger

@Suite struct JSONWriterTests {
    /// JSONSerialization is the judge of what the writer wrote.
    @Test func randomTreesReadBackAsTheyWereWritten() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("JSON writer"))
        for _ in 0..<500 {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("v")
            let expected = Self.write(&writer, depth: 4, &generator)
            writer.endObject()
            #expect(writer.problem == nil)
            let read = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: NSObject])
            #expect(Self.exact(read["v"]) == expected, "\(String(decoding: writer.bytes, as: UTF8.self))")
        }
    }

    /// JSONSerialization reads some integers of twenty characters as decimals, which never equal the integer that they are.
    private static func exact(_ value: NSObject?) -> NSObject? {
        switch value {
        case let decimal as NSDecimalNumber: NSNumber(value: decimal.int64Value)
        case let array as NSArray: NSArray(array: array.map { exact($0 as? NSObject) ?? NSNull() })
        case let object as NSDictionary:
            NSDictionary(
                objects: object.allValues.map { exact($0 as? NSObject) ?? NSNull() },
                forKeys: object.allKeys.compactMap { $0 as? NSString })
        default: value
        }
    }

    private static func write(_ writer: inout JSONWriter, depth: Int, _ generator: inout SeededGenerator) -> NSObject {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &generator) {
        case 0:
            writer.null()
            return NSNull()
        case 1:
            let value = Bool.random(using: &generator)
            writer.value(value)
            return NSNumber(value: value)
        case 2:
            let value = Int64(truncatingIfNeeded: generator.next()) >> Int64.random(in: 0..<64, using: &generator)
            writer.value(value)
            return NSNumber(value: value)
        case 3:
            let value = string(&generator)
            writer.value(value)
            return NSString(string: value)
        case 4:
            writer.beginArray()
            let elements = (0..<Int.random(in: 0..<4, using: &generator)).map { _ in write(&writer, depth: depth - 1, &generator)
            }
            writer.endArray()
            return NSArray(array: elements)
        default:
            writer.beginObject()
            let members = NSMutableDictionary()
            for name: StaticString in ["a", "b_c", "d"] where Bool.random(using: &generator) {
                writer.key(name)
                members["\(name)"] = write(&writer, depth: depth - 1, &generator)
            }
            writer.endObject()
            return members
        }
    }

    private static func string(_ generator: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0..<20, using: &generator) {
            let value =
                Bool.random(using: &generator)
                ? UInt32.random(in: 1..<0x80, using: &generator)
                : UInt32.random(in: 1..<0x11_0000, using: &generator)
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    @Test(arguments: [Int64.min, .min + 1, -1, 0, 1, 9, 10, 99_999_999_999, .max - 1, .max])
    func integersAreExact(value: Int64) {
        var writer = JSONWriter()
        writer.value(value)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "\(value)")
    }

    @Test func aNULIsRemembered() {
        var writer = JSONWriter()
        writer.value("a\0b")
        #expect(writer.problem?.code == .invalidText)
    }
}

@Suite struct JSONTextTests {
    @Test(arguments: [
        #"{"a":"\u0000"}"#, #"{"\u0000":1}"#, #"{"a":"\ud800"}"#, #"{"a":"\udc00\ud800"}"#, #"{"a":"\ud800\u0041"}"#,
        #"{"a":"\uD83D"}"#, #"{"a":"\u12"}"#, "{\"a\":\"\0\"}",
    ])
    func whatAJsonbCanNotHoldIsFound(text: String) {
        #expect(JSONText.problem(in: Array(text.utf8))?.code == .invalidText, "\(text)")
    }

    @Test(arguments: [
        "{}", #"{"a":"\\u0000"}"#, #"{"a":"\ud83d\ude00"}"#, #"{"a":"\\\\u0000"}"#, #"{"a":"\"\\"}"#, #"{"a":"\uD83D\uDE00é"}"#,
    ])
    func whatItCanHoldIsNot(text: String) { #expect(JSONText.problem(in: Array(text.utf8)) == nil, "\(text)") }

    @Test func whatIsNotUTF8IsFound() {
        #expect(JSONText.problem(in: [0x22, 0xFF, 0x22])?.code == .invalidText)
        #expect(JSONText.problem(in: [0x22, 0xED, 0xA0, 0x80, 0x22])?.code == .invalidText, "an encoded surrogate")
    }
}
