import Dialects

extension ForeignAnswer {
    /// What comes out of `bytes` when they are fed in pieces of the sizes that `size` gives, and the answer after the last.
    func fed(_ bytes: [UInt8], _ size: () -> Int) -> (output: [UInt8], answer: any ForeignAnswer) {
        var answer: any ForeignAnswer = self
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, size()))
            output += answer.feed(Array(bytes[start..<end]))
            start = end
        }
        return (output + answer.end(), answer)
    }
}
