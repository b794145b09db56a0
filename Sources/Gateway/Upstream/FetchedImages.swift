internal import Web

/// The images that were fetched for a request: what was fetched for one route serves the next.
struct FetchedImages: Sendable {
    /// Data URLs by the images' addresses.
    private(set) var dataURLs: [String: String] = [:]
    /// How many bytes the images have themselves, by the same.
    private var sizes: [String: Int] = [:]
    /// What they take of the room for all bodies.
    var room: ByteBudget.Room?

    func size(of url: String) -> Int? { sizes[url] }

    mutating func keep(_ dataURL: String, of url: String, size: Int) {
        dataURLs[url] = dataURL
        sizes[url] = size
    }
}
