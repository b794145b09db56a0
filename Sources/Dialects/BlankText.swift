extension String {
    /// Whether nothing but white space stands in it, which Anthropic and Amazon refuse ("text content blocks must contain
    /// non-whitespace text"). Other models say a line feed or two before they call a tool.
    var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
