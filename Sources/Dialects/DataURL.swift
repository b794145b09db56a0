/// The parts of a URL that holds its content: `data:image/png;base64,…`.
struct DataURL {
    /// In lower case: `image/png`.
    let mediaType: String
    let isBase64: Bool
    /// What comes after the comma, as it stands.
    let data: Substring

    init?(_ url: String) {
        guard url.hasPrefix("data:"), let comma = url.firstIndex(of: ",") else { return nil }
        let head = url[url.index(url.startIndex, offsetBy: 5)..<comma].split(separator: ";", omittingEmptySubsequences: false)
        let said = head.first.map { $0.lowercased() } ?? ""
        // Many write it so, and no service but OpenAI's takes it (https://www.iana.org/assignments/media-types has image/jpeg alone).
        mediaType = said == "image/jpg" ? "image/jpeg" : said
        isBase64 = head.dropFirst().contains { $0.lowercased() == "base64" }
        data = url[url.index(after: comma)...]
    }
}
