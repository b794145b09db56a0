import Catalogue
import Dialects
import Testing

@Suite struct ModerationTests {
    /// A provider is told which model it is that was priced, also where the client left it to OpenAI.
    @Test func aModerationNeedsNoModel() throws {
        let body = Array(#"{ "input":"x","routing":"price"}"#.utf8)
        let scan = try ChatRequestScan(body, of: .moderation)
        #expect(scan.model == "omni-moderation-latest" && scan.messages == 1)
        let sent = { (edits: RequestEdits) in String(decoding: scan.applying(edits, to: body), as: UTF8.self) }
        #expect(sent(RequestEdits()) == #"{ "model":"omni-moderation-latest","input":"x"}"#)
        #expect(sent(RequestEdits(model: "up")) == #"{ "model":"up","input":"x"}"#)
        for (body, param) in [
            (#"{"model":"","input":"x"}"#, "model"), (#"{"model":null,"input":"x"}"#, "model"), ("{}", "input"),
        ] {
            let error = #expect(throws: APIError.self) { try ChatRequestScan(Array(body.utf8), of: .moderation) }
            #expect(error?.param == param && error?.status == 400)
        }
        let other = #expect(throws: APIError.self) { try ChatRequestScan(Array(#"{"input":"x"}"#.utf8), of: .embedding) }
        #expect(other?.param == "model")
    }
}
