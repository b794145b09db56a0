import Catalogue
import TestSupport
import Testing

@testable import Gateway

/// What is known of providers, and what follows from it.
@Suite struct RoutingTests {
    private func name(_ provider: String) -> MappingName { MappingName(provider: provider, model: "m") }

    private func counts(answered: Int64 = 0, faults: Int64 = 0) -> RouteCounts {
        var counts = RouteCounts()
        counts.answered = answered
        counts.faults = faults
        return counts
    }

    @Test func anHourCountsAndItsLastMinuteTenTimes() {
        let health = RouteHealth()
        let now: Int64 = 1_000_000
        #expect(health.statistics(of: name("a")) == .unknown)
        health.learn(
            [
                now: [name("a"): counts(answered: 90, faults: 10)], now - 6: [name("b"): counts(answered: 90, faults: 10)],
                now - 100: [name("c"): counts(answered: 90, faults: 10)],
                now - 360: [name("d"): counts(answered: 90, faults: 10)],
            ], forgiven: [:], now: now)
        // 100 attempts that are presumed to have been answered count beside them.
        #expect(health.statistics(of: name("a")).uptime == 909)
        #expect(health.statistics(of: name("b")).uptime == 925)
        #expect(health.statistics(of: name("c")).uptime == 950)
        #expect(health.statistics(of: name("d")) == .unknown)
        // A bucket that is read again replaces what was known of it.
        health.learn([now: [name("a"): counts(answered: 100)]], forgiven: [:], now: now)
        #expect(health.statistics(of: name("a")).uptime == 1_000)
    }

    @Test func whoIsBackStartsAnew() throws {
        let health = RouteHealth()
        let buckets: [Int64: [MappingName: RouteCounts]] = [
            99: [name("a"): counts(faults: 500)], 100: [name("a"): counts(answered: 5)],
        ]
        health.learn(buckets, forgiven: [:], now: 100)
        #expect(try #require(health.statistics(of: name("a")).uptime) < 100)
        health.forgive(name("a"), at: 99)
        #expect(health.statistics(of: name("a")) == .unknown)
        health.learn([:], forgiven: [:], now: 101)
        #expect(health.statistics(of: name("a")).uptime == 1_000)
        // Another gateway saw it come back.
        let other = RouteHealth()
        other.learn(buckets, forgiven: [name("a"): 99], now: 100)
        #expect(other.statistics(of: name("a")).uptime == 1_000)
    }

    @Test func absurdFiguresOfOthersDoNoHarm() {
        var counts = RouteCounts()
        for (_, path) in RouteCounts.names { counts[keyPath: path] = .max }
        let health = RouteHealth()
        health.learn([5: [name("a"): counts], 6: [name("a"): counts]], forgiven: [:], now: 6)
        let known = health.statistics(of: name("a"))
        #expect(known.uptime == nil && known.throughput == nil)
        let scores = RouteScore.scores(
            [
                ScoredRoute(price: .max, priority: 1, hasCachedPrice: false, statistics: known),
                ScoredRoute(price: 1, priority: 1, hasCachedPrice: false, statistics: .unknown),
            ],
            weights: RoutingWeights(), isStreamed: true, promptTokens: 10_000)
        #expect(scores.allSatisfy { $0.isFinite } && scores[1] < scores[0])
    }

    private func scores(
        _ routes: [(price: Int64, uptime: Int64?, latency: Int64?, throughput: Int64?)], _ strategy: RoutingStrategy = .auto,
        isStreamed: Bool = false
    ) -> [Double] {
        RouteScore.scores(
            routes.map { route in
                var known = RouteStatistics()
                (known.uptime, known.latency, known.throughput) = (route.uptime, route.latency, route.throughput)
                return ScoredRoute(price: route.price, priority: 1, hasCachedPrice: false, statistics: known)
            }, weights: strategy.weights(RoutingWeights()), isStreamed: isStreamed, promptTokens: 10)
    }

    @Test func priceDecidesUntilAProviderFails() {
        // A tenth dearer is worse, though a little faster.
        #expect(
            scores([(100, 1_000, 500, 50), (110, 1_000, 400, 52)])[0] < scores([(100, 1_000, 500, 50), (110, 1_000, 400, 52)])[1])
        // Who fails three in ten is avoided although twice as dear stands in for it.
        let failing = scores([(100, 700, nil, nil), (200, 1_000, nil, nil)])
        #expect(failing[1] < failing[0])
        // One failure among many is none to run from.
        let once = scores([(100, 990, nil, nil), (110, 1_000, nil, nil)])
        #expect(once[0] < once[1])
        // A free one stays the first, and divides nothing by zero.
        let free = scores([(0, nil, nil, nil), (1, nil, nil, nil)])
        #expect(free[0] < free[1] && free[1].isFinite)
    }

    @Test func aStrategyCaresForOneThing() {
        let routes: [(price: Int64, uptime: Int64?, latency: Int64?, throughput: Int64?)] = [
            (100, 1_000, 900, 50), (300, 1_000, 100, 60), (200, 1_000, 500, 200),
        ]
        func best(_ strategy: RoutingStrategy) -> Int? {
            let found = scores(routes, strategy, isStreamed: true)
            return found.indices.min { found[$0] < found[$1] }
        }
        #expect(best(.price) == 0 && best(.latency) == 1 && best(.throughput) == 2)
    }

    private func route(account: Int = 0) throws -> Route {
        let (resolution, provider) = CustomProvider.resolution(name: "acme", model: "m", baseURL: "http://x.test/v1")
        return Route(mapping: resolution.mappings[0], provider: provider, promptTokens: 1, account: account)
    }

    @Test func fiveFaultsInARowOpenACircuitAndOneRequestTries() throws {
        let circuits = Circuits()
        let key = Circuits.Key(try route())
        var now = ContinuousClock.now
        for _ in 1...4 { circuits.end(key, .fault(retryAfter: nil), at: now) }
        circuits.end(key, .answered, at: now)
        for _ in 1...4 { circuits.end(key, .fault(retryAfter: nil), at: now) }
        #expect(circuits.standing(of: key, at: now) == .closed)
        circuits.end(key, .fault(retryAfter: nil), at: now)
        #expect(circuits.standing(of: key, at: now) == .open)
        #expect(circuits.standing(of: Circuits.Key(try route(account: 1)), at: now) == .closed)

        var waits: [Duration] = []
        for _ in 1...6 {
            let opened = now
            while circuits.standing(of: key, at: now) == .open { now = now + .milliseconds(100) }
            waits.append(now - opened)
            #expect(circuits.standing(of: key, at: now) == .trying)
            circuits.begin(key, at: now)
            // While one tries, no other does.
            #expect(circuits.standing(of: key, at: now) == .open)
            circuits.end(key, .fault(retryAfter: nil), at: now)
        }
        #expect(waits == [1, 2, 4, 8, 15, 15].map { Duration.seconds($0) })
        now = now + Circuits.longest
        circuits.begin(key, at: now)
        // The client that tried has left: another may.
        circuits.end(key, .neither, at: now)
        #expect(circuits.standing(of: key, at: now) == .trying)
        circuits.begin(key, at: now)
        circuits.end(key, .answered, at: now)
        #expect(circuits.standing(of: key, at: now) == .closed)
    }

    @Test func threeAnswersInARowAreForgivenTo() {
        let probation = Probation()
        var now = ContinuousClock.now
        func tried(_ answered: Bool) -> Bool {
            now = now + Probation.pace
            #expect(probation.mayTry(name("a"), at: now) && !probation.mayTry(name("a"), at: now + .milliseconds(1_999)))
            return probation.ended(name("a"), answered: answered)
        }
        #expect([true, true, false, true, true].map(tried) == [false, false, false, false, false])
        #expect(tried(true))
        #expect([true, true, true].map(tried) == [false, false, true])
    }

    /// What a client did wrong says nothing against the provider that tells it so.
    @Test(arguments: [400, 409, 413, 422]) func aClientsFaultIsNoFaultOfTheProvider(status: Int) throws {
        var failure = UpstreamFailure(kind: .status, message: "no")
        failure.status = status
        #expect(failure.report == .answered && !failure.isProvidersFault)
        let circuits = Circuits()
        let key = Circuits.Key(try route())
        let now = ContinuousClock.now
        for _ in 0..<20 { circuits.end(key, failure.report, at: now) }
        #expect(circuits.standing(of: key, at: now) == .closed)
        // An account without money, as one whose key is refused, is nothing that a client can help.
        for status in [402, 500] {
            failure.status = status
            #expect(failure.report == .fault(retryAfter: nil))
        }
    }

    @Test func whoAsksToBeLeftAloneIs() throws {
        let circuits = Circuits()
        let key = Circuits.Key(try route())
        let now = ContinuousClock.now
        circuits.end(key, .fault(retryAfter: 7), at: now)
        #expect(circuits.standing(of: key, at: now + .seconds(6)) == .open)
        #expect(circuits.standing(of: key, at: now + .seconds(7)) == .trying)
        // A limit of a minute is over when its provider says, where it is more than a burst; nobody is believed who asks for an hour.
        for asked in [60, 3_600] {
            let key = Circuits.Key(try route(account: asked))
            circuits.end(key, .fault(retryAfter: asked), at: now)
            // Those that were on their way are of the same burst.
            for _ in 0..<9 { circuits.end(key, .fault(retryAfter: asked), at: now) }
            #expect(circuits.standing(of: key, at: now + .seconds(14)) == .open)
            let again = now + Circuits.longest
            #expect(circuits.standing(of: key, at: again) == .trying)
            circuits.begin(key, at: again)
            circuits.end(key, .fault(retryAfter: asked), at: again)
            #expect(circuits.standing(of: key, at: again + .seconds(59)) == .open)
            #expect(circuits.standing(of: key, at: again + .seconds(60)) == .trying)
        }
    }

    @Test func aRequestThatNeverReturnsDoesNotKeepOthersFromTrying() throws {
        let circuits = Circuits()
        let key = Circuits.Key(try route())
        let now = ContinuousClock.now
        circuits.end(key, .fault(retryAfter: 1), at: now)
        circuits.begin(key, at: now + .seconds(2))
        #expect(circuits.standing(of: key, at: now + .seconds(3)) == .open)
        #expect(circuits.standing(of: key, at: now + .seconds(13)) == .trying)
    }
}
