extension [UInt8] {
    /// Where `needle` begins at or after `start`.
    ///
    /// In time that grows with the sum of both lengths, whatever they are (Knuth, Morris and Pratt): both are a stranger's.
    func firstPlace(of needle: [UInt8], from start: Int) -> Int? {
        guard !needle.isEmpty, count - start >= needle.count else { return nil }
        // Of each beginning of the needle, how much of its end is a beginning again.
        var borders = [Int](repeating: 0, count: needle.count)
        var matched = 0
        for index in needle.indices.dropFirst() {
            while matched > 0, needle[index] != needle[matched] { matched = borders[matched - 1] }
            if needle[index] == needle[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for index in start..<count {
            while matched > 0, self[index] != needle[matched] { matched = borders[matched - 1] }
            if self[index] == needle[matched] { matched += 1 }
            if matched == needle.count { return index - needle.count + 1 }
        }
        return nil
    }
}
