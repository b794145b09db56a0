internal import Crypto
internal import JSON

extension String {
    /// Whether Anthropic and Amazon take it as the id of a tool's call: letters, digits, `_` and `-`, at most 64 of them
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html; Anthropic says "String should match
    /// pattern '^[a-zA-Z0-9_-]+$'").
    var isCallID: Bool {
        (1...64).contains(utf8.count)
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The id of a call for them: of one that they don't take, such as Kimi's `functions.f:0`, its digest, which is the same in the
    /// call and in its result.
    var asCallID: String {
        isCallID ? self : "call_" + SHA256.hash(data: Array(utf8)).prefix(12).hexadecimal
    }
}
