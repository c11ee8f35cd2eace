"""A training step of one PEER layer in PyTorch on one thread, as its users run it and as well as PyTorch does it.

    python torch_peer.py lucid|hand [--side 1024] [--tokens 512] [--steps 3]

lucid: the package PEER-pytorch with non_competing_scores=False (its default retrieves the top 1 a head), dense gradients, AdamW.
hand:  scores by bmm, picks gathered in chunks of tokens, sparse gradients of the experts, SparseAdam on them and AdamW on the router.
Both: D = 256, H = 8, K = 16, d_key = 2 x 128, one step = forward, backward, update; CPU time of the process, the median over the steps after
the first. Prints one JSON line with microseconds a token and the versions.
"""

import argparse
import importlib.metadata
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, TOP_K, HALF, CHUNK = 256, 8, 16, 128, 64


class Hand(nn.Module):
    """One set of sub-keys a head, as in PEER-pytorch. Tokens go in chunks, so that the gathered rows stay in the caches."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.query = nn.Linear(WIDTH, HEADS * 2 * HALF, bias=False)
        self.keys = nn.Parameter(torch.randn(2 * HEADS, HALF, side) * 0.02)
        self.down = nn.Embedding(side * side, WIDTH, sparse=True)
        self.up = nn.Embedding(side * side, WIDTH, sparse=True)

    def forward(self, x):
        tokens = x.shape[0]
        query = self.query(x).view(tokens, 2 * HEADS, HALF).transpose(0, 1)
        score, place = torch.bmm(query, self.keys).view(2, HEADS, tokens, self.side).topk(TOP_K, dim=3)
        sums = (score[0].unsqueeze(3) + score[1].unsqueeze(2)).flatten(2)
        cells = (place[0].unsqueeze(3) * self.side + place[1].unsqueeze(2)).flatten(2)
        score, best = sums.topk(TOP_K, dim=2)
        picks = cells.gather(2, best).transpose(0, 1).reshape(tokens, HEADS * TOP_K)
        gate = score.softmax(dim=2).transpose(0, 1).reshape(tokens, HEADS * TOP_K)
        return torch.cat([self.mix(x[i : i + CHUNK], picks[i : i + CHUNK], gate[i : i + CHUNK]) for i in range(0, tokens, CHUNK)])

    def mix(self, x, picks, gate):
        hidden = torch.bmm(self.down(picks), x.unsqueeze(2)).squeeze(2)
        return torch.bmm((gate * F.gelu(hidden)).unsqueeze(1), self.up(picks)).squeeze(1)


def build(kind, side):
    if kind == "hand":
        model = Hand(side)
        experts = [model.down.weight, model.up.weight]
        optimizers = [torch.optim.SparseAdam(experts, lr=1e-4), torch.optim.AdamW([model.query.weight, model.keys], lr=1e-4, fused=True)]
        return model, optimizers
    from PEER_pytorch import PEER

    model = PEER(dim=WIDTH, heads=HEADS, num_experts=side * side, num_experts_per_head=TOP_K, dim_key=HALF, non_competing_scores=False)
    return model, [torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("lucid", "hand"))
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)

    model, optimizers = build(options.kind, options.side)
    shape = (options.tokens, WIDTH) if options.kind == "hand" else (1, options.tokens, WIDTH)
    x, dy = torch.randn(shape, requires_grad=True), torch.randn(shape) * 1e-3
    seconds = []
    for _ in range(options.steps + 1):
        began = time.process_time()
        model(x).backward(dy)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        x.grad = None
        seconds.append(time.process_time() - began)
    versions = {name: importlib.metadata.version(name) for name in ("torch", "PEER-pytorch") if name == "torch" or options.kind == "lucid"}
    print(json.dumps({"kind": options.kind, "side": options.side, "tokens": options.tokens,
                      "us_a_token": round(1e6 * statistics.median(seconds[1:]) / options.tokens, 1),
                      "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                      "versions": versions, "isa": torch.backends.cpu.get_cpu_capability()}))


if __name__ == "__main__":
    main()
