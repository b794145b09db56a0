import CHiredis

/// Builds values as hiredis's parser reports them, depth first, so that no C object is made for any.
final class ReplyBuilder {
    private struct OpenArray {
        var missing: Int
        var values: [RedisValue] = []
    }

    let maximumValues: Int
    /// Whether the reply was refused because it has too many values.
    private(set) var isFull = false
    private var open: [OpenArray] = []
    private var count = 0
    private var whole: RedisValue?

    /// The size of an array comes from the server; this much is reserved on its word.
    private static let trustedReservation = 64

    init(maximumValues: Int) { self.maximumValues = maximumValues }

    /// The reply that has just been completed.
    func take() -> RedisValue? {
        defer {
            whole = nil
            count = 0
        }
        return whole
    }

    fileprivate func add(_ value: RedisValue) -> Bool {
        guard countOne() else { return false }
        place(value)
        return true
    }

    fileprivate func beginArray(_ size: Int) -> Bool {
        guard countOne(), size <= maximumValues - count else {
            isFull = true
            return false
        }
        if size == 0 {
            place(.array([]))
        } else {
            var array = OpenArray(missing: size)
            array.values.reserveCapacity(min(size, Self.trustedReservation))
            open.append(array)
        }
        return true
    }

    private func countOne() -> Bool {
        count += 1
        if count > maximumValues { isFull = true }
        return !isFull
    }

    private func place(_ value: RedisValue) {
        var value = value
        while !open.isEmpty {
            let last = open.count - 1
            open[last].values.append(value)
            open[last].missing -= 1
            if open[last].missing > 0 { return }
            value = .array(open.removeLast().values)
        }
        whole = value
    }
}

extension ReplyBuilder {
    /// The table that hiredis calls: each function finds the builder in the task's private pointer, and says with a null
    /// pointer that the value is refused. The pointer it returns otherwise is only ever compared with null.
    static func functions() -> redisReplyObjectFunctions {
        redisReplyObjectFunctions(
            createString: { task, bytes, length in
                ReplyBuilder.tell(task) { builder, task in
                    let bytes = UnsafeRawBufferPointer(start: bytes, count: length)
                    switch task.type {
                    case REDIS_REPLY_ERROR: return builder.add(.error(String(decoding: bytes, as: UTF8.self)))
                    case REDIS_REPLY_STATUS: return builder.add(.simple(String(decoding: bytes, as: UTF8.self)))
                    default: return builder.add(.bulk(Array(bytes)))
                    }
                }
            },
            createArray: { task, size in
                ReplyBuilder.tell(task) { builder, _ in builder.beginArray(Int(size)) }
            },
            createInteger: { task, value in
                ReplyBuilder.tell(task) { builder, _ in builder.add(.integer(value)) }
            },
            createNil: { task in
                ReplyBuilder.tell(task) { builder, _ in builder.add(.null) }
            },
            freeObject: { _ in })
    }

    private static func tell(
        _ task: UnsafePointer<redisReadTask>?, _ body: (ReplyBuilder, redisReadTask) -> Bool
    ) -> UnsafeMutableRawPointer? {
        guard let task, let pointer = task.pointee.privdata else { return nil }
        let builder = Unmanaged<ReplyBuilder>.fromOpaque(pointer).takeUnretainedValue()
        return body(builder, task.pointee) ? pointer : nil
    }
}
