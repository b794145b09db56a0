internal import Hummingbird
internal import JSON
internal import Ledger
internal import Money
internal import Web

import struct FoundationEssentials.Decimal

extension ManagementRoutes {
    private struct NewOrganization: Decodable, Sendable { let name: String }

    private struct OrganizationPatch: Decodable, Sendable {
        let name: Field<String>
        let billingEmail: Field<String>
        let billingCompany: Field<String>
        let billingAddress: Field<String>
        let billingTaxId: Field<String>
        let billingNotes: Field<String>
        let retentionLevel: Field<RetentionLevel>
        let autoTopUpEnabled: Field<Bool>
        let autoTopUpThreshold: Field<DollarAmount>
        let autoTopUpAmount: Field<DollarAmount>
        let autoTopUpMonthlyLimit: Field<DollarAmount>
    }

    private enum RetentionLevel: String, Decodable, Sendable { case retain, none }

    func addOrganizations(to router: Router<WebContext>) {
        router.get("/orgs") { request, context in
            let caller = try await caller(request, context)
            return Response.json([
                "organizations": .array(try await management.organizations(of: caller.user).map(\.json))
            ])
        }
        router.post("/orgs") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(NewOrganization.self, from: request)
            let name = try WebText.check(body.name, field: "name")
            let id = OrganizationID.mint()
            try await management.addOrganization(id, name: name, by: caller)
            return Response.json(["organization": try await organization(id, caller)])
        }
        router.get("/orgs/:id") { request, context in
            let caller = try await caller(request, context)
            return Response.json(["organization": try await organization(try id("id", of: context), caller)])
        }
        router.patch("/orgs/:id") { request, context in
            let caller = try await caller(request, context)
            let organization: OrganizationID = try id("id", of: context)
            let text = try await WebBody.json(of: request)
            let body = try WebBody.decode(OrganizationPatch.self, from: text)
            try DollarAmount.check(["autoTopUpThreshold", "autoTopUpAmount", "autoTopUpMonthlyLimit"], of: text)
            let change = try change(body)
            guard !change.isEmpty else {
                throw WebError.changesNothing("name", "retentionLevel", "billing details", "automatic top-up")
            }
            try await management.change(organization: organization, change, by: caller)
            return Response.json([
                "message": "Organization updated successfully",
                "organization": try await self.organization(organization, caller),
            ])
        }
        router.delete("/orgs/:id") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(organization: try id("id", of: context), by: caller)
            return Response.json(["message": "Organization deleted successfully"])
        }
        router.get("/orgs/:id/projects") { request, context in
            let caller = try await caller(request, context)
            let organization: OrganizationID = try id("id", of: context, else: Management.noAccess)
            _ = try await management.permitted(organization, .read, by: caller, stranger: Management.noAccess)
            return Response.json([
                "projects": .array(try await management.projects(of: organization, for: caller.user).map(\.json))
            ])
        }
    }

    private func organization(_ id: OrganizationID, _ caller: Caller) async throws(WebError) -> WebValue {
        try await management.permitted(id, .read, by: caller).json
    }

    private func change(_ body: OrganizationPatch) throws(WebError) -> Management.OrganizationChange {
        var change = Management.OrganizationChange()
        switch body.name {
        case .absent: break
        case .null: throw WebError.invalid("name", "name must not be null.")
        case .value(let name): change.texts.updateValue(try WebText.check(name, field: "name"), forKey: "name")
        }
        let texts: [(String, Field<String>, Int)] = [
            ("billingEmail", body.billingEmail, 320), ("billingCompany", body.billingCompany, 255),
            ("billingAddress", body.billingAddress, 1000), ("billingTaxId", body.billingTaxId, 100),
            ("billingNotes", body.billingNotes, 2000),
        ]
        for (field, value, longest) in texts {
            switch value {
            case .absent: break
            case .null: change.texts.updateValue(nil, forKey: field)
            case .value(let text):
                let checked = try WebText.check(text, field: field, length: 0...longest, multiline: true)
                change.texts.updateValue(checked.isEmpty ? nil : checked, forKey: field)
            }
        }
        if let email = change.texts["billingEmail"] ?? nil { _ = try EmailText.check(email, field: "billingEmail") }
        change.retention = body.retentionLevel.given?.rawValue
        change.autoTopUp = body.autoTopUpEnabled.given
        change.threshold = try Self.amount(body.autoTopUpThreshold, field: "autoTopUpThreshold", within: 5...Self.largestLimit)
        change.amount = try Self.amount(body.autoTopUpAmount, field: "autoTopUpAmount", within: 10...Self.largestTopUp)
        change.monthlyLimit =
            body.autoTopUpMonthlyLimit.isNull
            ? .zero : try Self.amount(body.autoTopUpMonthlyLimit, field: "autoTopUpMonthlyLimit", within: 10...Self.largestLimit)
        return change
    }

    /// US dollars: as much as can be bought at once, and far below where sums of amounts would not fit.
    private static let largestTopUp: Int64 = 10_000
    private static let largestLimit: Int64 = 1_000_000

    private static func amount(
        _ field: Field<DollarAmount>, field name: String, within dollars: ClosedRange<Int64>
    ) throws(WebError) -> NanoDollars? {
        guard let amount = field.given?.amount else { return nil }
        guard amount.rawValue >= dollars.lowerBound * 1_000_000_000 else {
            throw WebError.invalid(name, "\(name) must be at least \(dollars.lowerBound).")
        }
        guard amount.rawValue <= dollars.upperBound * 1_000_000_000 else {
            throw WebError.invalid(name, "\(name) must be at most \(dollars.upperBound).")
        }
        return amount
    }
}

/// An amount that existing clients of this API send as a JSON number of dollars, and careful ones as a decimal string. Both are
/// what their digits say.
struct DollarAmount: Decodable, Sendable {
    let amount: NanoDollars

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let number = try? container.decode(Decimal.self) else {
            amount = try container.decode(DecimalText.self).amount
            return
        }
        do {
            amount = try NanoDollars(decimal: "\(number)")
        } catch {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "it must be US dollars with at most 9 places")
        }
    }

    /// Of so many digits a `Decimal` keeps all. Of more it rounds the number, and says nothing.
    private static let mostDigits = 37

    /// - Throws: 400 where the number of one of the fields is not kept as it stands.
    static func check(_ fields: [String], of body: [UInt8]) throws(WebError) {
        guard let value = try? JSONValue(request: body) else { return }
        for field in fields {
            guard case .number(let number)? = value[field] else { continue }
            let digits = number.prefix { $0 != "e" && $0 != "E" }.filter(\.isNumber).drop { $0 == "0" }
            guard digits.count <= mostDigits else { throw WebError.invalid(field, "\(field) has too many digits.") }
        }
    }
}
