"""Prints how many times peer_bench's steps are faster than PyTorch's.   python peer_ratios.py LINES TORCH_JSON...

LINES: what `peer_bench step` printed before and after PyTorch ran; TORCH_JSON: lines of torch_peer.py. Exit code 0 whatever the ratio.
"""

import json
import pathlib
import statistics
import sys

TARGETS = {("lucid", 512): 130, ("hand", 512): 17, ("lucid", 32): 1000}


def main():
    ours = {}
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        words = line.split()
        if words and words[0] in ("peer.step", "peer.online"):
            ours.setdefault(int(words[2].removeprefix("T=")), []).append(float(words[4]))
    print(f"{'against':<10} {'shape':<18} {'peer':>9} {'PyTorch':>12} {'unit':<10} {'ratio':>8} {'target':>9}")
    for path in sys.argv[2:]:
        for text in pathlib.Path(path).read_text().splitlines():
            torch = json.loads(text)
            tokens, kind = torch["tokens"], torch["kind"]
            mine = statistics.median(ours[tokens])
            ratio, target = torch["us_a_token"] / mine, TARGETS.get((kind, tokens))
            goal = f">= {target}x  {'met' if ratio >= target else 'missed'}" if target else ""
            shape = f"E={torch['side'] ** 2} T={tokens}"
            versions = " ".join(f"{name} {version}" for name, version in torch["versions"].items())
            print(f"{kind:<10} {shape:<18} {mine:>9.1f} {torch['us_a_token']:>12,.1f} {'us/token':<10} {ratio:>7.1f}x {goal:>9}"
                  f"   ({versions}, {torch['isa']}, peak {torch['peak_gib']} GiB)")


if __name__ == "__main__":
    main()
