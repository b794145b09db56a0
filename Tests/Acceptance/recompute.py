"""Recomputes the chain of an export and every organization's balance by what schema/README.md says: nothing but the standard
library, and nothing but the export.

usage: recompute.py EXPORT [BALANCES]   prints the number of events and the last hash; writes balances in nano-dollars
"""

import hashlib
import json
import struct
import sys
import uuid

EPOCH = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(event):
    def text(name):
        return event[name].encode()

    def identifier(name):
        return None if event[name] is None else uuid.UUID(event[name]).bytes

    columns = [
        (20, struct.pack(">q", event["position"])),
        (2950, identifier("id")),
        (25, text("stream_kind")),
        (2950, identifier("stream_id")),
        (20, struct.pack(">q", event["stream_version"])),
        (25, text("type")),
        (23, struct.pack(">i", event["schema_version"])),
        (2950, identifier("organization")),
        (3802, b"\x01" + text("data")),
        (3802, b"\x01" + text("metadata")),
        (1184, struct.pack(">q", event["occurred_at"] - EPOCH)),
        (1184, struct.pack(">q", event["recorded_at"] - EPOCH)),
    ]
    row = struct.pack(">i", len(columns))
    for kind, value in columns:
        row += struct.pack(">ii", kind, -1 if value is None else len(value)) + (value or b"")
    return sha256(row)


GIVEN = {"credit.granted", "credit.topped_up", "credit.adjusted", "credit.unfrozen"}
TAKEN = {"credit.refunded", "credit.expired", "credit.voided", "credit.frozen"}


def change(event):
    """What an event changes its organization's balance by."""
    data = json.loads(event["data"])
    if event["type"] in GIVEN | TAKEN:
        return data["amount"] if event["type"] in GIVEN else -data["amount"]
    assert event["stream_kind"] != "credit", event["type"]
    return -data.get("charged", 0) if event["stream_kind"] == "request" else 0


def read(path):
    """The leaves and hashes of an export, and the balances."""
    with open(path, encoding="utf-8") as file:
        header, *events = map(json.loads, file)
    assert header["format"] == "llmgateway ledger 1" and not header["filtered"], header
    if header["after"] == 0:
        assert header["previous"] == sha256(uuid.UUID(header["ledger"]).bytes).hex(), "the hash before position 1"
    chain = bytes.fromhex(header["previous"])
    leaves, hashes, balances = [], [], {}
    for number, event in enumerate(events, header["after"] + 1):
        assert event["position"] == number, f"position {number} is missing"
        leaves.append(leaf(event))
        chain = sha256(chain + leaves[-1])
        assert chain.hex() == event["hash"], f"position {number} has another hash"
        hashes.append(chain)
        if event["organization"]:
            balances[event["organization"]] = balances.get(event["organization"], 0) + change(event)
    return leaves, hashes, balances


if __name__ == "__main__":
    _, hashes, balances = read(sys.argv[1])
    print(len(hashes), hashes[-1].hex())
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            json.dump(balances, file)
