"""Prints the table of model_speed.sh from a directory of its runs and exits 1 when peer-cli is the slower one.

    python speed_table.py RUNS      with peer.N.jsonl (peer-cli's metrics), peer.json (its inspect) and torch.N.json (torch_model.py)
"""

import itertools
import json
import pathlib
import statistics
import sys


def peer_round(path, warm_up):
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    seconds = [b["seconds"] - a["seconds"] for a, b in itertools.pairwise(steps)][max(0, warm_up - 1) :]
    bits = statistics.mean(s["bits_per_byte"] for s in steps[-10:])
    return {"ms": 1e3 * statistics.median(seconds), "best_ms": 1e3 * min(seconds), "bits_per_byte": bits}


def row(name, rounds, parameters, tokens):
    ms = statistics.median(r["ms"] for r in rounds)
    best = min(r["best_ms"] for r in rounds)
    bits = statistics.median(r["bits_per_byte"] for r in rounds)
    by_round = " ".join(f"{r['ms']:.1f}" for r in rounds)
    print(f"{name:<48} {ms:>9.1f} {tokens / ms:>7.2f} {best:>10.1f} {bits:>13.3f} {parameters:>13,}   {by_round}")
    return ms, best


def main():
    runs = pathlib.Path(sys.argv[1])
    torch = [json.loads(p.read_text()) for p in sorted(runs.glob("torch.*.json"))]
    twin = torch[0]
    tokens = twin["batch"] * twin["context"]
    peer = [peer_round(p, twin["warm_up"]) for p in sorted(runs.glob("peer.*.jsonl"))]
    peer_parameters = sum(view["parameters"] for view in json.loads((runs / "peer.json").read_text())["views"])
    if peer_parameters != twin["parameters"]:
        sys.exit(f"speed_table: not the same model: peer-cli has {peer_parameters} numbers, PyTorch {twin['parameters']}")

    print(f"{'':<48} {'ms a step':>9} {'ktok/s':>7} {'best step':>10} {'bits per byte':>13} {'numbers':>13}   ms a step by round")
    peer_ms, peer_best = row("peer-cli", peer, peer_parameters, tokens)
    name = f"PyTorch {twin['torch']} ({twin['experts']}{', sparse' if twin['sparse'] else ''}{', compiled' if twin['compile'] else ''})"
    torch_ms, torch_best = row(name, torch, twin["parameters"], tokens)
    by_round = sorted(t["ms"] / p["ms"] for p, t in zip(peer, torch))
    ratio = torch_ms / peer_ms
    print(f"\npeer-cli trains {ratio:.2f} times as fast as PyTorch: {by_round[0]:.2f} to {by_round[-1]:.2f} by round, "
          f"{torch_best / peer_best:.2f} by the best step of each; PyTorch runs {twin['isa']}")
    sys.exit(ratio < 1)


if __name__ == "__main__":
    main()
