/// One file of a spool. New records go to the newest segment only; the others wait to be appended and removed.
struct SpoolSegment: Sendable {
    /// What a file holds.
    struct Contents: Sendable {
        var commands: [Command] = []
        /// Whole lines that are not records: the file is damaged, and is kept.
        var damaged = 0
    }

    static let suffix = ".spool"

    let path: String

    /// A torn last line was never acknowledged, so it is overlooked.
    func read(from disk: any SpoolDisk) throws(FileError) -> Contents {
        let bytes = try disk.open(path, .read).readAll()
        var contents = Contents()
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            if let command = SpoolRecord.decode(bytes[start..<end]) {
                contents.commands.append(command)
            } else {
                contents.damaged += 1
            }
            start = end + 1
        }
        return contents
    }
}
