import Admission
import Foundation
import HTTPTypes
import Ledger
import TestSupport
import Testing

@testable import Gateway

/// What names a request in the cache.
@Suite struct RequestDigestTests {
    private let owner = KeyAddress(organization: .mint(), project: .mint(), key: .mint())

    private func digest(
        _ body: String, _ entrance: Entrance = .chat, of owner: KeyAddress? = nil, betas: [String] = [], type: String? = nil
    ) throws -> [UInt8]? {
        var headers = HTTPFields()
        headers[.contentType] = type
        let name = try #require(HTTPField.Name("anthropic-beta"))
        for beta in betas { headers.append(HTTPField(name: name, value: beta)) }
        let entered = try EnteredRequest(Array(body.utf8), headers: headers, by: entrance, id: .mint(), at: .now)
        return RequestDigest.digest(entered, of: owner ?? self.owner, headers: headers)
    }

    @Test func theOrderOfMembersAndWhiteSpaceMeanNothing() throws {
        let one = try digest(#"{"model":"m","messages":[{"role":"user","content":"\u00e9"}],"seed":1}"#)
        let same = try digest("{ \"seed\" : 1, \"messages\":[ {\"content\":\"\u{e9}\",\"role\":\"user\"} ],\"model\":\"m\" }")
        #expect(one != nil && one == same)
    }

    @Test(arguments: [
        #"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":2}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":1.0}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":"1"}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":null}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"}]}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":1,"tools":[]}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":""}],"seed":1}"#,
        #"{"model":"m","messages":[{"role":"user","content":["a"]}],"seed":1}"#,
        #"{"model":"m","messages":[{"role":"user","content":"a ,"}],"seed":1}"#,
        #"{"model":"m","messages":[],"seed":1}"#,
    ]) func whatDiffersIsAnotherRequest(_ body: String) throws {
        #expect(try digest(body) != digest(#"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":1}"#))
    }

    @Test func anEditIsNamedByItsImagesToo() throws {
        func form(_ boundary: String, prompt: String = "x", image: String = "GIF89a") throws -> [UInt8]? {
            let parts = [("prompt", prompt), ("image", image), ("model", "m")].map { name, value in
                "--\(boundary)\r\ncontent-disposition: form-data; name=\(name)\r\n\r\n\(value)\r\n"
            }
            return try digest(
                parts.joined() + "--\(boundary)--", .imageEdits, type: "multipart/form-data; boundary=\(boundary)")
        }
        let one = try form("a")
        // Each client's library draws another boundary.
        #expect(try one != nil && one == form("b"))
        #expect(try one != form("a", prompt: "y") && one != form("a", image: "GIF89ab"))
        let linked = { (url: String) in #"{"model":"m","prompt":"x","images":[{"image_url":"https://x.test/\#(url)"}]}"# }
        #expect(try digest(linked("a"), .imageEdits) == digest(linked("a"), .imageEdits))
        #expect(try digest(linked("a"), .imageEdits) != digest(linked("b"), .imageEdits))
    }

    @Test func othersHaveOtherNames() throws {
        let body = #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"}]}"#
        let own = try digest(body)
        #expect(try digest(body, of: KeyAddress(organization: owner.organization, project: .mint(), key: owner.key)) != own)
        #expect(try digest(body, of: KeyAddress(organization: .mint(), project: owner.project, key: owner.key)) != own)
        #expect(try digest(body, .messages) != own)
        // Another key of the project may have the answer.
        let colleague = KeyAddress(organization: owner.organization, project: owner.project, key: .mint())
        #expect(try digest(body, of: colleague) == own)
        let beta = "prompt-caching-2024-07-31"
        #expect(try digest(body, .messages, betas: [beta]) != digest(body, .messages))
    }
}
