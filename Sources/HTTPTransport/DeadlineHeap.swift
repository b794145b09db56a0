/// Exchanges by the time at which their deadlines must be looked at next, soonest first.
///
/// A deadline that moves later is left where it is and moved when it comes up, so that progress costs nothing here.
struct DeadlineHeap {
    private var items: [Exchange] = []

    /// When to look next.
    var soonest: Nanoseconds? { items.first?.due }

    mutating func insert(_ exchange: Exchange, due: Nanoseconds) {
        exchange.due = due
        exchange.heapIndex = items.count
        items.append(exchange)
        siftUp(items.count - 1)
    }

    /// Looks at the exchange at `due` or sooner.
    mutating func hasten(_ exchange: Exchange, due: Nanoseconds) {
        guard exchange.heapIndex >= 0, due < exchange.due else { return }
        exchange.due = due
        siftUp(exchange.heapIndex)
    }

    mutating func remove(_ exchange: Exchange) {
        let index = exchange.heapIndex
        guard index >= 0 else { return }
        exchange.heapIndex = -1
        let last = items.removeLast()
        guard last !== exchange else { return }
        place(last, index)
        siftUp(index)
        siftDown(last.heapIndex)
    }

    /// Takes an exchange whose time has come.
    mutating func popDue(_ now: Nanoseconds) -> Exchange? {
        guard let first = items.first, first.due <= now else { return nil }
        remove(first)
        return first
    }

    private mutating func place(_ exchange: Exchange, _ index: Int) {
        items[index] = exchange
        exchange.heapIndex = index
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        let item = items[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard items[parent].due > item.due else { break }
            place(items[parent], index)
            index = parent
        }
        place(item, index)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        let item = items[index]
        while true {
            var child = 2 * index + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1].due < items[child].due { child += 1 }
            guard items[child].due < item.due else { break }
            place(items[child], index)
            index = child
        }
        place(item, index)
    }
}
