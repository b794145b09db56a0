internal import HTTPTypes
public import Hummingbird

/// A page of this server's own, for whoever follows a link where no other pages are: a few sentences and perhaps a form, which work
/// without a script.
public struct WebPage: Sendable {
    /// One that asks for a password and is sent to this server.
    public struct Form: Sendable {
        /// The path that takes it.
        let action: String
        /// What is sent along unseen, such as the token of the link.
        let hidden: [(name: String, value: String)]
        /// The name of the password's field.
        let password: String
        let isNewPassword: Bool
        let button: String

        /// - Parameters:
        ///   - action: The path that takes it, as the browser sees it.
        ///   - hidden: What is sent along unseen, such as the token of the link.
        ///   - password: The name of the password's field.
        ///   - isNew: Whether the person chooses the password.
        public init(action: String, hidden: [(name: String, value: String)], password: String, isNew: Bool, button: String) {
            self.action = action
            self.hidden = hidden
            self.password = password
            isNewPassword = isNew
            self.button = button
        }
    }

    let title: String
    let sentences: [String]
    let next: String?
    let form: Form?

    /// - Parameter next: The URL of where it goes on; one of a person's own choice must have been checked before.
    public init(_ title: String, _ sentences: [String], next: String? = nil, form: Form? = nil) {
        self.title = title
        self.sentences = sentences
        self.next = next
        self.form = form
    }

    /// The same page, which says first what went wrong.
    public func saying(_ message: String) -> WebPage { WebPage(title, [message] + sentences, next: next, form: form) }

    /// The response that shows it, and lets it load nothing and stand in no other page.
    public func response(status: Int = 200) -> Response {
        var response = Response(
            status: .init(code: status), headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html)))
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        // Without a referrer a browser sends the form with the origin `null` (Fetch, "append a request Origin header"), which could be
        // anybody's; so it has one on this server, and none elsewhere.
        if let name = HTTPField.Name("referrer-policy") { response.headers[name] = "same-origin" }
        return response
    }

    var html: String {
        let text = sentences.map { "<p>\(Self.escaped($0))</p>\n" }.joined()
        let link = next.map { "<p><a href=\"\(Self.escaped($0))\">Go on</a></p>\n" } ?? ""
        let heading = Self.escaped(title)
        return """
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>\(heading)</title></head>
            <body>
            <h1>\(heading)</h1>
            \(text)\(link)\(form.map(Self.written) ?? "")</body>
            </html>

            """
    }

    private static func written(_ form: Form) -> String {
        let hidden = form.hidden.map {
            "<input type=\"hidden\" name=\"\(escaped($0.name))\" value=\"\(escaped($0.value))\">\n"
        }.joined()
        let kind = form.isNewPassword ? "new-password" : "current-password"
        return """
            <form method="post" action="\(escaped(form.action))">
            \(hidden)<p><label>\(form.isNewPassword ? "New password" : "Password")
            <input type="password" name="\(escaped(form.password))" autocomplete="\(kind)" required autofocus></label></p>
            <p><button>\(escaped(form.button))</button></p>
            </form>

            """
    }

    /// By scalars: a quotation mark with an accent is another character, and ends an attribute all the same.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
