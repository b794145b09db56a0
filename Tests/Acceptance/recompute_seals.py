"""Recomputes seals over an export, and the way from an event to a seal, by what schema/README.md says.

usage: recompute_seals.py EXPORT SEALS      prints the number of events, the last hash and the number of seals
"""

import json
import sys

from recompute import read, sha256


def merkle_root(leaves):
    """RFC 6962, 2.1."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def path_root(index, count, leaf, path):
    """The root that a proof of one leaf leads to: RFC 9162, 2.1.3.2."""
    number, last, value = index, count - 1, sha256(b"\x00" + leaf)
    for sibling in path:
        if number % 2 == 1 or number == last:
            value = sha256(b"\x01" + sibling + value)
            while number % 2 == 0 and number != 0:
                number, last = number // 2, last // 2
        else:
            value = sha256(b"\x01" + value + sibling)
        number, last = number // 2, last // 2
    return value if last == 0 else b""


def statement(seal):
    """What is signed."""
    return (
        f"llmgateway seal 1\nledger {seal['ledger']}\npositions {seal['from']} {seal['to']}\nchain {seal['chain']}\n"
        f"root {seal['root']}\nprevious {seal['previous']}\ntime {seal['time']}\n"
        f"protected {'true' if seal['protected'] else 'false'}\n"
    ).encode()


if __name__ == "__main__":
    leaves, hashes, _ = read(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        seals = list(map(json.loads, file))
    previous, sealed_to = "00" * 32, 0
    for seal in seals:
        assert seal["previous"] == previous and seal["from"] == sealed_to + 1, f"the seal from {seal['from']} follows"
        assert hashes[seal["to"] - 1].hex() == seal["chain"], f"the chain at {seal['to']}"
        assert merkle_root(leaves[seal["from"] - 1 : seal["to"]]).hex() == seal["root"], f"the root from {seal['from']}"
        previous, sealed_to = sha256(statement(seal)).hex(), seal["to"]
    print(len(hashes), hashes[-1].hex(), len(seals))
