import Catalogue
import JSON
import TestSupport
import Testing

@testable import Dialects

/// Models that reason have but one temperature, and are asked for no other; the client is told.
@Suite struct TemperatureTests {
    @Test(arguments: [
        (#""temperature":0.2,"seed":1"#, #","seed":1"#, true), (#""seed":1 , "temperature" : 2"#, #","seed":1 "#, true),
        (#""temperature":"hot""#, "", true), (#""temperature":1"#, #","temperature":1"#, false),
        (#""temperature":1.0"#, #","temperature":1.0"#, false), (#""temperature":null"#, #","temperature":null"#, false),
    ])
    func itIsTakenOutWhereItIsFixed(_ fields: String, _ left: String, _ isAsked: Bool) throws {
        let body = Body.with(fields)
        let scan = try ChatRequestScan(body)
        #expect(scan.wantsTemperature == isAsked)
        let sent = String(decoding: scan.applying(RequestEdits(dropsTemperature: true), to: body), as: UTF8.self)
        #expect(sent == #"{"model":"m",\#(Body.messages)\#(left)}"#)
        #expect(scan.applying(RequestEdits(), to: body) == body)
    }

    @Test func theResponsesAPIIsNotToldEither() throws {
        let chat = try JSONValue(Array(#"{"messages":[{"role":"user","content":"x"}],"temperature":0.2}"#.utf8))
        for isFixed in [false, true] {
            let request = try ResponsesRequest(chat, provider: "p", reasons: true, hasFixedTemperature: isFixed)
            let body = try JSONValue(try request.body(model: "m", maximumTokens: 9))
            #expect(body["temperature"] == (isFixed ? nil : .number("0.2")))
        }
    }

    @Test func theClientIsTold() {
        let metadata = GatewayMetadata(
            requestedModel: "m", requestedProvider: nil, usedModel: "m", usedProvider: "p", underlyingUsedModel: "u",
            hasFixedTemperature: true)
        #expect(metadata.json["changed_parameters"] == .string(#"{"temperature":1}"#))
    }

    @Test(arguments: [("gpt-5", true), ("gpt-5-nano", true), ("o3", true), ("gpt-5.1", false), ("gpt-4.1", false)])
    func theCatalogueSaysWhere(_ model: String, _ isFixed: Bool) throws {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let mappings = try #require(try Catalogue.load(files: files, environment: [:]).model(model)?.mappings)
        #expect(mappings.allSatisfy { $0.hasFixedTemperature == isFixed })
    }
}
