internal import Finance
internal import Ledger
internal import Money
internal import Web

// What the books hold, as JSON.

extension Balance {
    var json: WebValue {
        [
            "organizationId": .id(organization), "credited": .amount(credited), "charged": .amount(charged),
            "balance": .amount(balance), "position": .integer(position),
        ]
    }
}

extension Statement.Movement {
    var json: WebValue {
        [
            "position": .integer(position), "event": .id(event), "recordedAt": .time(recordedAt), "occurredAt": .time(occurredAt),
            "type": .string(type), "stream": .string(stream), "amount": .amount(amount), "balance": .amount(balance),
        ]
    }
}

extension CreditGrant {
    var json: WebValue {
        [
            "id": .id(id), "paymentId": .string(optional: payment?.description), "kind": .string(kind),
            "priority": .integer(priority), "expiresAt": .time(expiresAt),
            "position": .integer(position), "grantedAt": .time(grantedAt), "amount": .amount(amount),
            "returned": .amount(returned),
            "used": .amount(used), "refunded": .amount(refunded), "voided": .amount(voided), "frozen": .amount(frozen),
            "expired": .amount(expired), "remaining": .amount(remaining),
        ]
    }
}

extension JournalEntry {
    var json: WebValue {
        [
            "position": .integer(position), "line": .integer(line), "occurredAt": .time(occurredAt),
            "organizationId": .id(organization), "account": .string(account), "amount": .amount(amount),
        ]
    }
}

extension TrialBalance {
    var json: WebValue {
        ["account": .string(account), "balance": .string(balance.decimal), "postings": .integer(postings)]
    }
}
