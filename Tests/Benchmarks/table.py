"""The table that tools/bench prints."""


def show(name, value, ratio="", target=""):
    print(f"{name:<58} {value:>22} {ratio:>16} {target:>24}", flush=True)
