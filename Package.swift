// swift-tools-version: 6.2
import PackageDescription

// tools/fuzz sets it to sanitizers such as `fuzzer,address`: then everything of this package is made for libFuzzer, and there is an
// executable `fuzz` in place of the tests of the same targets.
let fuzzing = Context.environment["LLMGATEWAY_FUZZ"]

let settings: [SwiftSetting] =
    (fuzzing.map { [.unsafeFlags(["-sanitize=\($0)", "-O"])] } ?? []) + [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]

// CI turns every warning of this package's own targets into an error; a person who experiments is not stopped by one.
let strict: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A library target, in the order of design: a target imports only targets listed above it.
func library(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings + strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)", exclude: exclude,
        swiftSettings: settings + strict)
}

/// What the fuzzer runs: an executable for it, or the tests that replay its corpora.
func fuzzTargets(_ dependencies: [Target.Dependency]) -> Target {
    guard let fuzzing else {
        return tests(
            "Fuzz", dependencies + ["TestSupport"], exclude: ["Corpus", "FuzzMain.swift", "README.md"])
    }
    return .executableTarget(
        name: "fuzz", dependencies: dependencies, path: "Tests/Fuzz", exclude: ["Corpus", "CorpusTests.swift", "README.md"],
        swiftSettings: settings,
        // The driver without its own main, which tools/fuzz finds in the toolchain.
        linkerSettings: [
            .unsafeFlags(
                (fuzzing.contains("address") ? ["-sanitize=address"] : [])
                    + [Context.environment["LLMGATEWAY_FUZZ_DRIVER"] ?? "", "-lstdc++"])
        ])
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "llmgateway",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.0"),
    ],
    targets: [
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        library("Postgres", ["CPostgres", nioCore, logging, collections]),
        library("Redis", ["CHiredis", nioCore, nioPosix, nioSSL, logging, collections]),
        library("HTTPTransport", ["CCurl", nioCore, logging, collections]),
        library("Money", []),
        library("Ledger", ["Postgres", "Money", crypto, logging, collections]),
        library("Projections", ["Ledger", "Postgres", crypto, logging]),
        library(
            "Admission",
            ["Projections", "Ledger", "Redis", "Postgres", "Money", nioCore, crypto, logging, collections]),
        library("JSON", []),
        library("Web", ["JSON", "Ledger", "Money", hummingbird, httpTypes, nioCore, logging], exclude: ["OpenAPI"]),
        library("Mail", ["CCurl", "Ledger", logging]),
        library(
            "Identity",
            [
                "Web", "Mail", "JSON", "Ledger", "HTTPTransport", "Postgres", hummingbird, httpTypes, crypto, cryptoExtras,
                jwtKit,
                logging,
            ]),
        library("Catalogue", ["JSON", "Money", crypto], exclude: ["Data"]),
        library("Credentials", ["HTTPTransport", "JSON", "Ledger", "Postgres", crypto, jwtKit]),
        library("Dialects", ["JSON", "Money", "Catalogue", nioCore, crypto]),
        library(
            "Gateway",
            [
                "Web", "Dialects", "Credentials", "Catalogue", "Admission", "Projections", "Ledger", "HTTPTransport", "Postgres",
                "Redis", "Money", "JSON",
                hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix, nioHTTP1, crypto, logging, collections, lifecycle,
                metrics, coreMetrics,
            ]),
        library(
            "Management",
            [
                "Web", "JSON", "Dialects", "Credentials", "Catalogue", "Admission", "Projections", "Ledger", "HTTPTransport",
                "Postgres", "Money",
                hummingbird, httpTypes, crypto, logging,
            ]),
        library("Finance", ["Projections", "Ledger", "Postgres", "Money", logging]),
        library(
            "Billing",
            [
                "Finance", "Web", "JSON", "Projections", "Ledger", "HTTPTransport", "Postgres", "Money", hummingbird, httpTypes,
                crypto, mustache, logging,
            ]),
        .executableTarget(
            name: "llmgateway",
            dependencies: [
                "Billing", "Finance", "Management", "Gateway", "Identity", "Mail", "Web", "Dialects", "Credentials", "Catalogue",
                "Admission",
                "Projections", "Ledger", "HTTPTransport",
                "Redis",
                "Postgres", "Money", argumentParser, configuration, hummingbird, lifecycle, unixSignals, logging, metrics,
                nioCore, nioPosix, crypto,
            ],
            swiftSettings: settings + strict),
        .target(
            name: "TestSupport",
            dependencies: ["Ledger", "Redis", "Postgres", "Money", nioCore, nioPosix, nioHTTP1, crypto, logging],
            path: "Tests/Support", swiftSettings: settings + strict),
        .target(
            name: "Simulation", dependencies: ["Admission", "Ledger", "Redis", "Postgres", "Money", nioCore, nioPosix, logging],
            path: "Tests/Simulation/World", swiftSettings: settings + strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation", argumentParser], path: "Tests/Simulation/Command",
            swiftSettings: settings + strict),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "TestSupport", "Finance", "Admission", "Projections", "Ledger", "Redis", "Postgres", "Money", histogram,
                argumentParser,
                nioCore, nioPosix, logging, crypto, collections,
            ],
            path: "Tests/Benchmarks",
            exclude: [
                "README.md", "bench.py", "bench_catalogue.json", "books.py", "dialects.py", "growth.py", "load.py", "parts.py",
                "ruled.py",
                "table.py", "tokens.lua",
            ],
            swiftSettings: settings + strict),
        tests("Postgres", ["Postgres", "TestSupport", nioCore, logging]),
        tests("Redis", ["Redis", "TestSupport", nioCore, nioPosix, logging]),
        tests(
            "HTTPTransport",
            ["CCurl", "HTTPTransport", "TestSupport", nioCore, nioPosix, nioHTTP1, nioHTTP2, nioSSL, logging]),
        tests("Money", ["Money", "TestSupport"]),
        fuzzTargets(["Billing", "Identity", "Dialects", "Catalogue", "Ledger", "JSON", "Money", crypto]),
        tests("Ledger", ["Ledger", "Postgres", "Money", "TestSupport", crypto, logging]),
        tests("Projections", ["Projections", "Ledger", "Postgres", "Money", "TestSupport", logging]),
        tests(
            "Admission",
            [
                "Admission", "Projections", "Ledger", "Redis", "Postgres", "Money", "TestSupport", nioCore, nioPosix, logging,
                crypto,
            ]),
        tests("JSON", ["JSON", "TestSupport"]),
        tests("Web", ["Web", "Ledger", "Money", "TestSupport", hummingbird, httpTypes, nioCore, nioEmbedded, logging]),
        tests("Catalogue", ["Catalogue", "JSON", "Money", "TestSupport"]),
        tests("Credentials", ["Credentials", "Ledger", "Postgres", "TestSupport", logging]),
        tests(
            "Dialects", ["Dialects", "Catalogue", "JSON", "Money", "TestSupport", nioCore],
            exclude: ["Anthropic/Golden", "Bedrock/Golden", "Gemini/Golden", "Responses/Golden"]),
        tests(
            "Gateway",
            [
                "Gateway", coreMetrics, "Web", "Dialects", "Catalogue", "Admission", "Ledger", "Money", "TestSupport", nioCore,
                nioEmbedded, nioHTTP1, httpTypes,
            ]),
        tests(
            "Identity",
            [
                "Identity", "Web", "Mail", "JSON", "Ledger", "HTTPTransport", "Postgres", "TestSupport", hummingbird, httpTypes,
                nioCore, nioEmbedded, crypto, cryptoExtras, logging,
            ]),
        tests(
            "Management",
            [
                "Management", "Billing", "Identity", "Mail", "HTTPTransport", "Web", "Credentials", "Catalogue", "Admission",
                "Projections", "Ledger", "Postgres",
                "Money",
                "TestSupport", hummingbird, httpTypes, nioCore, nioEmbedded, logging,
            ]),
        tests(
            "Finance", ["Finance", "Projections", "Ledger", "Postgres", "Money", "TestSupport", logging]),
        tests(
            "Billing",
            [
                "Billing", "Web", "HTTPTransport", "Admission", "Projections", "Ledger", "JSON", "Postgres", "Money",
                "TestSupport",
                hummingbird, httpTypes, nioCore, logging, crypto,
            ]),
        tests(
            "Faults",
            [
                "Finance", "Admission", "Projections", "Ledger", "Redis", "Postgres", "CPostgres", "Money", "TestSupport",
                nioCore, nioPosix, logging, crypto,
            ],
            exclude: ["README.md", "faulty.c"]),
        tests(
            "Simulation",
            [
                "Simulation", "Admission", "Projections", "Ledger", "Redis", "Postgres", "Money", "JSON", "TestSupport", nioCore,
                nioPosix, logging, crypto,
            ],
            exclude: ["World", "Command", "README.md"]),
        tests(
            "Acceptance", ["TestSupport", "Ledger", "Postgres", "Money", logging],
            exclude: [
                "anthropic_catalogue.json", "anthropic_sdk.py", "anthropic_server.py", "anthropic_upstream.py", "audit.py",
                "audit_api.py", "azure_server.py",
                "bad_input.py", "bedrock_catalogue.json", "bedrock_server.py", "bedrock_upstream.py",
                "billing.py", "books.py", "browser.py", "browser_passkeys.py", "budget.py", "cache.py", "catalogue.py",
                "charges.py", "charges_catalogue.json",
                "clients.py", "clients_catalogue.json", "cloud_accounts.py", "connections.py",
                "curl_examples.py", "debug.py", "denials.py", "docs_page.py", "erasure.py", "gemini_catalogue.json",
                "gemini_keys.py", "gemini_server.py", "gemini_upstream.py", "hand_over.py", "hostile_server.py",
                "hostile_upstream.py", "iam.py", "iam_catalogue.json", "image_edits.py", "images.py",
                "images_catalogue.json",
                "images_server.py",
                "inputs.py", "inputs_catalogue.json", "logs.py",
                "mailboxes.py", "mock_catalogue.json",
                "openai_sdk.py", "openai_server.py", "openapi.py", "passed_on.py", "passed_on_catalogue.json", "passkeys.py",
                "playground.py", "pro_catalogue.json",
                "provider.py",
                "provider_keys.py", "quota.py",
                "recompute.py", "recompute_seals.py", "repeats.py", "requirements-clients.txt", "requirements.txt",
                "responses.py", "responses_catalogue.json", "responses_server.py", "responses_upstream.py",
                "retention.py", "routing.py", "routing_catalogue.json",
                "servers.sh", "shop.py", "standin.py",
                "stripe_server.py", "upstream.py", "upstream_failures.py",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
