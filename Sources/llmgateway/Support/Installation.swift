internal import FoundationEssentials

/// Where this binary's data files lie.
enum Installation {
    /// The folder that holds `schema/`, `projections/`, `Sources/Web/OpenAPI` and `Sources/Catalogue/Data`, as a checkout does: the
    /// nearest one above the binary that has the first two. The working directory when there is none.
    static func root() -> String {
        let manager = FileManager.default
        var folder = (try? manager.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? manager.currentDirectoryPath
        while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
            folder = String(folder[..<slash])
            if manager.fileExists(atPath: folder + "/schema") && manager.fileExists(atPath: folder + "/projections") {
                return folder
            }
        }
        return manager.currentDirectoryPath
    }
}
