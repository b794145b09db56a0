import NIOCore
import Testing

@testable import Redis

@Suite struct CallQueueTests {
    private func queue(calls: Int = 100, bytes: Int = 1_000) -> CallQueue<String> {
        CallQueue(maximumCalls: calls, maximumBytes: bytes, silenceLimit: .nanoseconds(100))
    }

    private func time(_ nanoseconds: UInt64) -> NIODeadline { .uptimeNanoseconds(nanoseconds) }

    private func caller(_ answer: CallQueue<String>.Answer) -> String? {
        if case .caller(let caller) = answer { caller } else { nil }
    }

    @Test func repliesGoToCallersInTheirOrder() {
        var queue = queue()
        for name in ["a", "b", "c"] { queue.send(name, size: 1, deadline: time(50), now: time(1)) }
        queue.flush()
        #expect((0..<3).map { _ in caller(queue.answer(now: time(2))) } == ["a", "b", "c"])
        #expect(queue.outstanding == 0)
    }

    @Test func aCallerThatHasGoneKeepsItsPlace() {
        var queue = queue()
        queue.send("early", size: 1, deadline: time(10), now: time(1))
        queue.send("late", size: 1, deadline: time(50), now: time(1))
        queue.flush()
        #expect(queue.expire(now: time(10)).sent == ["early"])
        #expect(queue.expire(now: time(11)).sent == [])
        guard case .late = queue.answer(now: time(12)) else {
            Issue.record("the first reply belongs to the caller that has gone")
            return
        }
        #expect(caller(queue.answer(now: time(13))) == "late")
    }

    @Test func aReplyThatNobodyAskedForIsNoticed() {
        var queue = queue()
        guard case .unsolicited = queue.answer(now: time(1)) else {
            Issue.record("nothing had been sent")
            return
        }
        queue.send("written, not sent", size: 1, deadline: time(50), now: time(1))
        guard case .unsolicited = queue.answer(now: time(2)) else {
            Issue.record("the call is still in the buffer")
            return
        }
    }

    @Test func aLossTellsWhatMayHaveHappenedFromWhatCannot() {
        var queue = queue()
        queue.send("sent", size: 1, deadline: time(50), now: time(1))
        queue.flush()
        queue.send("written", size: 1, deadline: time(50), now: time(1))
        queue.wait(.init(arguments: ["x"], size: 1, deadline: time(50), caller: "waiting"))
        let lost = queue.lose()
        #expect(lost.maybeDone == ["sent"])
        #expect(lost.notDone == ["written"])
        #expect(queue.outstanding == 1)
        #expect(queue.nextWaiting()?.caller == "waiting")
    }

    @Test func limitsCountCallsAndBytesUntilTheirAnswers() {
        var queue = queue(calls: 2, bytes: 10)
        #expect(!queue.hasRoom(forBytes: 11))
        queue.send("a", size: 8, deadline: time(50), now: time(1))
        #expect(queue.hasRoom(forBytes: 2))
        #expect(!queue.hasRoom(forBytes: 3))
        queue.wait(.init(arguments: [], size: 1, deadline: time(5), caller: "b"))
        #expect(!queue.hasRoom(forBytes: 0))
        queue.flush()
        _ = queue.answer(now: time(2))
        #expect(queue.hasRoom(forBytes: 9))
        #expect(!queue.hasRoom(forBytes: 10))
        #expect(queue.expire(now: time(5)).waiting == ["b"])
        #expect(queue.hasRoom(forBytes: 10))
        queue.send("c", size: 10, deadline: time(50), now: time(1))
        _ = queue.lose()
        #expect(queue.hasRoom(forBytes: 10))
    }

    @Test func silenceCountsFromTheLastAnswerAndOnlyWhenACallIsLate() {
        var queue = queue()
        queue.send("slow", size: 1, deadline: time(1_000), now: time(1))
        queue.flush()
        #expect(!queue.expire(now: time(500)).isSilent)
        queue.send("late", size: 1, deadline: time(550), now: time(500))
        queue.flush()
        #expect(queue.expire(now: time(560)).isSilent)

        var other = self.queue()
        for name in ["a", "b"] { other.send(name, size: 1, deadline: time(50), now: time(1)) }
        other.flush()
        #expect(!other.expire(now: time(60)).isSilent)
        _ = other.answer(now: time(90))
        #expect(!other.expire(now: time(180)).isSilent)
        #expect(other.nextExpiry == time(190))
        #expect(other.expire(now: time(190)).isSilent)
    }

    @Test func theNextExpiryIsTheEarliestOfAll() {
        var queue = queue()
        #expect(queue.nextExpiry == nil)
        queue.send("a", size: 1, deadline: time(70), now: time(1))
        #expect(queue.nextExpiry == time(70))
        queue.wait(.init(arguments: [], size: 1, deadline: time(60), caller: "b"))
        #expect(queue.nextExpiry == time(60))
        #expect(queue.removeWaiting(dueBefore: time(60)) == [])
        #expect(queue.removeWaiting(dueBefore: time(61)) == ["b"])
        #expect(queue.nextExpiry == time(70))
    }
}
