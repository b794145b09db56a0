"""Recomputes the chain of an export, and the seals over it, by what schema/README.md says: nothing but the standard library.

usage: recompute.py EXPORT [SEALS]      prints the number of events, the last hash and the number of seals
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


def merkle_root(leaves):
    """RFC 6962, 2.1."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        header, *events = map(json.loads, file)
    assert header["format"] == "llmgateway ledger 1" and not header["filtered"], header
    if header["after"] == 0:
        assert header["previous"] == sha256(uuid.UUID(header["ledger"]).bytes).hex(), "the hash before position 1"
    chain = bytes.fromhex(header["previous"])
    leaves, hashes = [], []
    for number, event in enumerate(events, header["after"] + 1):
        assert event["position"] == number, f"position {number} is missing"
        leaves.append(leaf(event))
        chain = sha256(chain + leaves[-1])
        assert chain.hex() == event["hash"], f"position {number} has another hash"
        hashes.append(chain)
    seals = []
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            seals = list(map(json.loads, file))
        previous, sealed_to = "00" * 32, 0
        for seal in seals:
            assert seal["previous"] == previous and seal["from"] == sealed_to + 1, f"the seal from {seal['from']} follows"
            assert hashes[seal["to"] - 1].hex() == seal["chain"], f"the chain at {seal['to']}"
            assert merkle_root(leaves[seal["from"] - 1 : seal["to"]]).hex() == seal["root"], f"the root from {seal['from']}"
            statement = (
                f"llmgateway seal 1\nledger {seal['ledger']}\npositions {seal['from']} {seal['to']}\nchain {seal['chain']}\n"
                f"root {seal['root']}\nprevious {seal['previous']}\ntime {seal['time']}\n"
                f"protected {'true' if seal['protected'] else 'false'}\n"
            )
            previous, sealed_to = sha256(statement.encode()).hex(), seal["to"]
    print(len(events), chain.hex(), len(seals))


main()
