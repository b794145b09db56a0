internal import Catalogue
internal import FoundationEssentials

extension Catalogue {
    /// The catalogue of this installation: the files that come with it, further ones, and the accounts of the environment.
    ///
    /// - Parameters:
    ///   - root: The folder that holds `Sources/Catalogue/Data`.
    ///   - files: Those of `LLMGATEWAY_CATALOGUE`, and whatever else is to be merged after them.
    static func installed(root: String, files: [String]) throws(CatalogueError) -> Catalogue {
        try load(
            files: try installedPaths(root: root, files: files), environment: ProcessInfo.processInfo.environment)
    }

    /// The paths of those files, as they are now.
    static func installedPaths(root: String, files: [String]) throws(CatalogueError) -> [String] {
        try paths(folder: root + "/Sources/Catalogue/Data", environment: [:]) + files
    }
}
