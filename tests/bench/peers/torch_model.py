"""A preset's model and training step in PyTorch, as fast as PyTorch does it: the peer that model_speed.sh measures against.

    python torch_model.py TEXT... [--preset tiny|small|base] [--batch N] [--steps N] [--threads N] [--experts bag|gather|dense] [--sparse]
                          [--compile] [--precision fp32|bf16] [--clock wall|cpu]

The same mathematics as peer/model, peer/layers and trainer/step.cpp: a decoder with RMS norms, rotary positions, causal attention,
SwiGLU, and in some blocks a PEER layer beside the feed-forward; cross-entropy, clip, AdamW with a rate for each group. PyTorch does
slightly less: the experts' gradients are clipped with all others, not one by one, and share one step count.
--sparse: only the rows that a batch picked have gradients, and SparseAdam updates them. It is not AdamW: the moments of the other rows
stand still. peer-cli's AdamW of rows leaves them alone too, but counts each row's own updates where SparseAdam counts steps.
Prints one JSON line.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Shape:
    """Fields and defaults as in ModelOptions and PeerOptions."""

    width: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 4
    feed_forward: int = 384
    context: int = 128
    peer_layers: tuple = (1, 2)
    peer_side: int = 48
    peer_heads: int = 4
    top_k: int = 8
    d_key: int = 64

    @property
    def head_width(self):
        return self.width // self.heads

    @property
    def picks(self):
        return self.peer_heads * self.top_k


# The source is peer/model/presets.cpp. speed_table.py refuses two programs with different numbers of parameters.
PRESETS = {
    "tiny": Shape(),
    "small": Shape(width=256, layers=12, heads=8, kv_heads=8, feed_forward=768, context=256,
                   peer_layers=(6,), peer_side=256, peer_heads=8, top_k=16, d_key=128),
    "base": Shape(width=768, layers=12, heads=12, kv_heads=4, feed_forward=2560, context=512,
                  peer_layers=(6,), peer_side=1024, peer_heads=8, top_k=16, d_key=256),
}
VOCABULARY, END_OF_DOCUMENT, THETA, EPSILON = 257, 256, 10000.0, 1e-5
BATCH, BETAS = 16, (0.9, 0.95)  # these and the next line: the defaults of `peer-cli train`
TRUNK_RATE, ROUTER_RATE, EXPERT_RATE, DECAY, CLIP, WARMUP, FINAL = 3e-3, 4e-3, 8e-3, 0.1, 1.0, 0.05, 0.05


def normal(*shape, deviation):
    return nn.Parameter(torch.randn(*shape).mul_(deviation))


class PickedDots(torch.autograd.Function):
    """hidden (N, R) = x (N, D) . table[id] (N, R, D), with no tensor of N * R * D numbers: ATen's own kernels for the gradients of
    embedding_bag are this product, and embedding_bag is its gradient."""

    @staticmethod
    def forward(ctx, x, table, picks):
        tokens, count = picks.shape
        flat = picks.reshape(-1)
        offsets = torch.arange(0, tokens * count, count)
        bags = torch.arange(tokens).repeat_interleave(count)
        ctx.save_for_backward(x, table, picks, bags)
        return torch.ops.aten._embedding_bag_per_sample_weights_backward(x, table, flat, offsets, bags, 0).view(tokens, count)

    @staticmethod
    def backward(ctx, dhidden):
        x, table, picks, bags = ctx.saved_tensors
        dx = F.embedding_bag(picks, table, per_sample_weights=dhidden, mode="sum")
        empty = bags.new_empty(0)
        dtable = torch.ops.aten._embedding_bag_dense_backward(
            x, picks.reshape(-1), bags, empty, empty, table.shape[0], False, 0, dhidden.reshape(-1))
        return dx, dtable, None


def mix_bag(x, picks, gate, down, up):
    weight = gate * F.gelu(PickedDots.apply(x, down, picks))
    return F.embedding_bag(picks, up, per_sample_weights=weight, mode="sum")


def mix_gather(x, picks, gate, down, up):
    weight = gate * F.gelu((F.embedding(picks, down) @ x.unsqueeze(2)).squeeze(2))
    return (weight.unsqueeze(1) @ F.embedding(picks, up)).squeeze(1)


def mix_dense(x, picks, gate, down, up):
    weight = gate * F.gelu((x @ down.t()).gather(1, picks))
    return torch.zeros(x.shape[0], down.shape[0]).scatter_add(1, picks, weight) @ up


MIXES = {"bag": mix_bag, "gather": mix_gather, "dense": mix_dense}


class Peer(nn.Module):
    def __init__(self, shape, mix, sparse):
        super().__init__()
        self.shape, self.mix, self.sparse = shape, MIXES[mix], sparse
        queries, experts = shape.peer_heads * shape.d_key, shape.peer_side**2
        self.query = normal(queries, shape.width, deviation=shape.width**-0.5)
        self.norm = nn.BatchNorm1d(queries)
        self.sub_keys = normal(2, shape.peer_side, shape.d_key // 2, deviation=(2 / shape.d_key) ** 0.5)
        self.down = normal(experts, shape.width, deviation=shape.width**-0.5)
        self.up = normal(experts, shape.width, deviation=shape.picks**-0.5)

    def forward(self, x):
        side, top_k, picks = self.shape.peer_side, self.shape.top_k, self.shape.picks
        query = self.norm(F.linear(x, self.query)).view(-1, 2, self.shape.d_key // 2).transpose(0, 1)
        score, place = (query @ self.sub_keys.transpose(1, 2)).topk(top_k, dim=2)  # (2, N H, K): of rows and of columns
        sums = (score[0].unsqueeze(2) + score[1].unsqueeze(1)).flatten(1)
        cells = (place[0].unsqueeze(2) * side + place[1].unsqueeze(1)).flatten(1)
        score, best = sums.topk(top_k, dim=1)
        expert = cells.gather(1, best).view(-1, picks)
        gate = score.softmax(dim=1).view(-1, picks)
        if self.sparse:
            return self.mix(x, *self.picked(expert, gate))
        return self.mix(x, expert, gate, self.down, self.up)

    @torch.compiler.disable
    def picked(self, expert, gate):
        """The picks as places among the batch's own rows, and these rows as leaves: no gradient is as large as the table."""
        self.rows, places = expert.unique(return_inverse=True)
        self.leaves = [table.detach().index_select(0, self.rows).requires_grad_() for table in (self.down, self.up)]
        return places, gate, *self.leaves

    def hand_over(self):
        """The leaves' gradients as the tables' sparse ones. The rows are sorted and each comes once: nothing is left to coalesce."""
        for table, leaf in zip((self.down, self.up), self.leaves):
            table.grad = torch.sparse_coo_tensor(self.rows.unsqueeze(0), leaf.grad, table.shape, is_coalesced=True)
        del self.leaves


class Block(nn.Module):
    def __init__(self, shape, peer):
        super().__init__()
        width, hidden, kv_width = shape.width, shape.feed_forward, shape.kv_heads * shape.head_width
        output_deviation = (2 * shape.layers * width) ** -0.5
        self.shape = shape
        self.input_norm = nn.Parameter(torch.ones(width))
        self.middle_norm = nn.Parameter(torch.ones(width))
        self.qkv = normal(width + 2 * kv_width, width, deviation=width**-0.5)
        self.output = normal(width, width, deviation=output_deviation)
        self.gate_up = normal(2 * hidden, width, deviation=width**-0.5)
        self.down = normal(width, hidden, deviation=output_deviation)
        self.peer = peer

    def attention(self, x, cosine, sine):
        shape, rotated = self.shape, self.shape.heads + self.shape.kv_heads
        qkv = F.linear(x, self.qkv).view(-1, shape.context, rotated + shape.kv_heads, shape.head_width).transpose(1, 2)
        qk, v = qkv[:, :rotated], qkv[:, rotated:]
        first, second = qk.chunk(2, dim=3)
        qk = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=3)
        grouped = shape.kv_heads < shape.heads
        y = F.scaled_dot_product_attention(qk[:, : shape.heads], qk[:, shape.heads :], v, is_causal=True, enable_gqa=grouped)
        return F.linear(y.transpose(1, 2).reshape(-1, shape.width), self.output)

    def forward(self, x, cosine, sine):
        width = (self.shape.width,)
        x = x + self.attention(F.rms_norm(x, width, self.input_norm, EPSILON), cosine, sine)
        z = F.rms_norm(x, width, self.middle_norm, EPSILON)
        gate, up = F.linear(z, self.gate_up).chunk(2, dim=1)
        x = x + F.linear(F.silu(gate) * up, self.down)
        return x + self.peer(z) if self.peer else x


class Model(nn.Module):
    def __init__(self, shape, mix, sparse):
        super().__init__()
        self.shape = shape
        self.embedding = normal(VOCABULARY, shape.width, deviation=0.02)
        self.blocks = nn.ModuleList(
            Block(shape, Peer(shape, mix, sparse) if i in shape.peer_layers else None) for i in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        self.head = normal(VOCABULARY, shape.width, deviation=0.02)
        half = shape.head_width // 2
        angle = torch.arange(shape.context).unsqueeze(1) * THETA ** (-torch.arange(half) / half)
        self.register_buffer("cosine", angle.cos(), persistent=False)
        self.register_buffer("sine", angle.sin(), persistent=False)

    def forward(self, tokens, targets):
        x = F.embedding(tokens.flatten(), self.embedding)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        logits = F.linear(F.rms_norm(x, (self.shape.width,), self.norm, EPSILON), self.head)
        return F.cross_entropy(logits, targets.flatten())

    def peers(self):
        return [block.peer for block in self.blocks if block.peer]

    def count(self):
        """What peer-cli counts: parameters and the running statistics of the query norms."""
        statistics = [b for name, b in self.named_buffers() if "running" in name]
        return sum(t.numel() for t in (*self.parameters(), *statistics))


def optimizers_of(model, sparse):
    groups = {"decayed": [], "trunk": [], "router": [], "experts": []}
    for name, parameter in model.named_parameters():
        if ".peer." in name:
            groups["experts" if name.endswith((".down", ".up")) else "router"].append(parameter)
        else:
            matrix = name.startswith("blocks") and parameter.dim() == 2
            groups["decayed" if matrix else "trunk"].append(parameter)
    rates = {"decayed": TRUNK_RATE, "trunk": TRUNK_RATE, "router": ROUTER_RATE, "experts": EXPERT_RATE}
    rows = [{"params": groups.pop("experts"), "lr": EXPERT_RATE, "peak": EXPERT_RATE}] if sparse else []
    dense = [{"params": groups[g], "lr": rates[g], "peak": rates[g], "weight_decay": DECAY if g == "decayed" else 0.0} for g in groups]
    adamw = torch.optim.AdamW(dense, betas=BETAS, fused=True)
    return [adamw, torch.optim.SparseAdam(rows, betas=BETAS)] if sparse else [adamw]


def schedule(step, steps):
    warmup = max(1.0, WARMUP * steps)
    if step + 1 <= warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step + 1 - warmup) / max(1.0, steps - warmup))
    return FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * progress))


def read_tokens(paths):
    files = [f for p in map(pathlib.Path, paths) for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
    tokens = []
    for file in files:
        tokens += [torch.frombuffer(bytearray(file.read_bytes()), dtype=torch.uint8).long(), torch.tensor([END_OF_DOCUMENT])]
    return torch.cat(tokens)


def train_step(model, loss_of, optimizers, batch, share, sparse, precision):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(batch[:, :-1], batch[:, 1:])
    loss.backward()
    leaves = [leaf for peer in model.peers() for leaf in peer.leaves] if sparse else []
    nn.utils.clip_grad_norm_([*model.parameters(), *leaves], CLIP, foreach=True)
    for peer in model.peers() if sparse else []:
        peer.hand_over()
    del leaves
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="+")
    parser.add_argument("--preset", choices=PRESETS, default="tiny")
    parser.add_argument("--peer-side", type=int, help="sub-keys a half, the square root of a layer's experts (default: the preset's)")
    parser.add_argument("--batch", type=int, default=BATCH, help="windows of a step")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--warm-up", type=int, help="first steps that are not measured (default: 20, at most half of the steps)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--experts", choices=MIXES, default="bag", help="how the retrieved experts are computed")
    parser.add_argument("--sparse", action="store_true", help="gradients and SparseAdam of the batch's rows alone")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: the time that other programs do not touch")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: torch.autocast")
    options = parser.parse_args()
    warm_up = min(20, options.steps // 2) if options.warm_up is None else options.warm_up
    if not 0 <= warm_up < options.steps:
        sys.exit(f"torch_model: --steps: expected more than the {warm_up} of --warm-up, found {options.steps}")
    if options.batch < 1:
        sys.exit(f"torch_model: --batch: expected 1 or more, found {options.batch}")
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    torch.sparse.check_sparse_tensor_invariants.disable()  # said aloud: unsaid, it is off too but warns

    shape = PRESETS[options.preset]
    if options.peer_side:
        shape = dataclasses.replace(shape, peer_side=options.peer_side)
    tokens = read_tokens(options.text)
    if len(tokens) <= shape.context:
        sys.exit(f"torch_model: text: expected more than the {shape.context} bytes of a window, found {len(tokens)}")
    model = Model(shape, options.experts, options.sparse)
    optimizers = optimizers_of(model, options.sparse)
    loss_of = torch.compile(model) if options.compile else model
    window = torch.arange(shape.context + 1)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    milliseconds, bits = [], []
    for step in range(options.steps):
        began = clock()
        batch = tokens[torch.randint(len(tokens) - shape.context, (options.batch, 1)) + window]
        loss = train_step(model, loss_of, optimizers, batch, schedule(step, options.steps), options.sparse, options.precision)
        bits.append(loss / math.log(2))
        milliseconds.append(1e3 * (clock() - began))
    measured = milliseconds[warm_up:]
    step_ms = statistics.median(measured)
    print(json.dumps({
        "ms": round(step_ms, 2), "best_ms": round(min(measured), 2), "ktok_s": round(options.batch * shape.context / step_ms, 2),
        "bits_per_byte": round(statistics.mean(bits[-10:]), 3), "preset": options.preset, "batch": options.batch, "context": shape.context,
        "warm_up": warm_up, "parameters": model.count(), "experts": options.experts, "sparse": options.sparse, "compile": options.compile,
        "precision": options.precision,
        "threads": torch.get_num_threads(), "torch": torch.__version__, "isa": torch.backends.cpu.get_cpu_capability()}))


if __name__ == "__main__":
    main()
