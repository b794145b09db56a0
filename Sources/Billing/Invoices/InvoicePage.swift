internal import Crypto
internal import FoundationEssentials
internal import Ledger
internal import Money
internal import Mustache

/// An invoice as a page that prints well. Everything that people gave is escaped by the template's engine.
struct InvoicePage: Sendable {
    private let template: MustacheTemplate
    /// What a browser may do with the page: show it with its own style, and nothing else.
    let contentSecurityPolicy: String

    init() throws {
        template = try MustacheTemplate(string: Self.text)
        let digest = Data(SHA256.hash(data: Data(Self.style.utf8))).base64EncodedString()
        contentSecurityPolicy =
            "default-src 'none'; style-src 'sha256-\(digest)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }

    func render(_ invoice: InvoiceRecord) -> String {
        let texts = invoice.texts
        func lines(_ text: String?) -> [String] {
            (text ?? "").split(whereSeparator: \.isNewline).map(String.init)
        }
        let issued = String(invoice.issuedAt.iso8601.prefix(10))
        return template.render([
            "number": invoice.name, "date": issued, "seller": lines(texts["seller"]),
            "buyer": [texts["billingCompany"] ?? texts["name"] ?? "(deleted)"] + lines(texts["billingAddress"])
                + (texts["billingTaxId"].map { ["Tax id: \($0)"] } ?? []) + (texts["billingEmail"].map { [$0] } ?? []),
            "lines": invoice.lines.map { ["item": Self.item($0.item), "amount": Self.dollars($0.amount)] },
            "total": Self.dollars(invoice.total), "reference": invoice.reference,
        ])
    }

    private static func item(_ name: String) -> String {
        switch name {
        case "credits": "Credits for LLM usage"
        case "fees": "Payment fees"
        case "subscription": "Pro subscription"
        default: name
        }
    }

    /// At least two places, as invoices have them.
    private static func dollars(_ amount: NanoDollars) -> String {
        let text = amount.decimal
        guard let point = text.firstIndex(of: ".") else { return "\(text).00" }
        let places = text.distance(from: point, to: text.endIndex) - 1
        return places == 1 ? "\(text)0" : text
    }

    /// A company's name may be one long word.
    private static let style = """

        body { font: 11pt/1.5 sans-serif; margin: 3rem auto; max-width: 44rem; padding: 0 1rem; color: #111; overflow-wrap: anywhere; }
        h1 { font-size: 1.4rem; } .parties { display: flex; flex-wrap: wrap; gap: 2rem; } address { font-style: normal; flex: 1 12rem; }
        table { width: 100%; border-collapse: collapse; margin-top: 2rem; } th, td { padding: .4rem 0; text-align: left; }
        th:last-child, td:last-child { text-align: right; } tbody tr { border-top: 1px solid #ccc; }
        tfoot { border-top: 2px solid #111; font-weight: bold; } @page { margin: 2cm; } @media print { body { margin: 0; padding: 0; } }

        """

    private static let text = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Invoice {{number}}</title>
        <style>\(style)</style>
        </head>
        <body>
        <h1>Invoice {{number}}</h1>
        <p>{{date}}</p>
        <div class="parties">
        <address>{{#seller}}{{.}}<br>{{/seller}}</address>
        <address>{{#buyer}}{{.}}<br>{{/buyer}}</address>
        </div>
        <table>
        <thead><tr><th>Item</th><th>USD</th></tr></thead>
        <tbody>{{#lines}}<tr><td>{{item}}</td><td>{{amount}}</td></tr>{{/lines}}</tbody>
        <tfoot><tr><td>Total, paid</td><td>{{total}}</td></tr></tfoot>
        </table>
        <p>{{reference}}</p>
        </body>
        </html>
        """
}
