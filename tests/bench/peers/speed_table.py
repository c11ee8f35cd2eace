"""Prints the table of tiny_speed.sh from a directory of its runs and exits 1 when peer-cli is the slower one.

    python speed_table.py RUNS      with peer.N.jsonl (peer-cli's metrics), peer.json (its inspect) and torch.N.json (torch_tiny.py)
"""

import itertools
import json
import pathlib
import statistics
import sys

TOKENS, WARM_UP = 16 * 128, 20


def peer_round(path):
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    seconds = [b["seconds"] - a["seconds"] for a, b in itertools.pairwise(steps)][WARM_UP:]
    return 1e3 * statistics.median(seconds), statistics.mean(s["bits_per_byte"] for s in steps[-10:])


def row(name, rounds, bits, parameters):
    ms = statistics.median(rounds)
    spread = " ".join(f"{r:.1f}" for r in rounds)
    print(f"{name:<34} {ms:>9.1f} {TOKENS / ms:>8.2f} {bits:>13.3f} {parameters:>11,}   {spread}")
    return ms


def main():
    runs = pathlib.Path(sys.argv[1])
    peer = [peer_round(p) for p in sorted(runs.glob("peer.*.jsonl"))]
    torch = [json.loads(p.read_text()) for p in sorted(runs.glob("torch.*.json"))]
    peer_parameters = sum(view["parameters"] for view in json.loads((runs / "peer.json").read_text())["views"])
    twin = torch[0]
    if peer_parameters != twin["parameters"]:
        sys.exit(f"speed_table: not the same model: peer-cli has {peer_parameters} numbers, PyTorch {twin['parameters']}")

    print(f"{'':<34} {'ms a step':>9} {'ktok/s':>8} {'bits per byte':>13} {'numbers':>11}   ms a step by round")
    peer_rounds, torch_rounds = [ms for ms, _ in peer], [t["ms"] for t in torch]
    peer_ms = row("peer-cli", peer_rounds, statistics.median(bits for _, bits in peer), peer_parameters)
    name = f"PyTorch {twin['torch']} ({twin['experts']}{', compiled' if twin['compile'] else ''})"
    torch_ms = row(name, torch_rounds, statistics.median(t["bits_per_byte"] for t in torch), twin["parameters"])
    ratios = sorted(t / p for p, t in zip(peer_rounds, torch_rounds))
    ratio = torch_ms / peer_ms
    print(f"\npeer-cli trains {ratio:.2f} times as fast as PyTorch (by round {ratios[0]:.2f} to {ratios[-1]:.2f}; {twin['isa']})")
    sys.exit(ratio < 1)


if __name__ == "__main__":
    main()
