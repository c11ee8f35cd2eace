"""The tiny preset's model and training step in PyTorch, as fast as PyTorch does it: the peer that tiny_speed.sh measures against.

    python torch_tiny.py TEXT... [--steps N] [--threads N] [--experts bag|gather|dense] [--compile] [--clock wall|cpu]

The same mathematics as peer/model, peer/layers and trainer/step.cpp, fp32: a decoder of 4 blocks, RMS norms, rotary positions, causal
attention, SwiGLU, and in blocks 1 and 2 a PEER layer beside the feed-forward; cross-entropy, clip, AdamW with a rate for each group.
PyTorch does slightly less: the experts' gradients are clipped with all others, not one by one, and share one step count.
Prints one JSON line.
"""

import argparse
import json
import math
import pathlib
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY, WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT, BATCH = 257, 128, 4, 4, 384, 128, 16
PEER_LAYERS, SIDE, PEER_HEADS, TOP_K, D_KEY = (1, 2), 48, 4, 8, 64
THETA, EPSILON, END_OF_DOCUMENT = 10000.0, 1e-5, 256
TRUNK_RATE, ROUTER_RATE, EXPERT_RATE, DECAY, CLIP, WARMUP, FINAL = 3e-3, 4e-3, 8e-3, 0.1, 1.0, 0.05, 0.05


def normal(*shape, deviation):
    return nn.Parameter(torch.randn(*shape) * deviation)


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
    def __init__(self, mix):
        super().__init__()
        self.mix = MIXES[mix]
        queries = PEER_HEADS * D_KEY
        self.query = normal(queries, WIDTH, deviation=WIDTH**-0.5)
        self.norm = nn.BatchNorm1d(queries)
        self.sub_keys = normal(2, SIDE, D_KEY // 2, deviation=(2 / D_KEY) ** 0.5)
        self.down = normal(SIDE * SIDE, WIDTH, deviation=WIDTH**-0.5)
        self.up = normal(SIDE * SIDE, WIDTH, deviation=(PEER_HEADS * TOP_K) ** -0.5)

    def forward(self, x):
        query = self.norm(F.linear(x, self.query)).view(-1, 2, D_KEY // 2).transpose(0, 1)
        score, place = (query @ self.sub_keys.transpose(1, 2)).topk(TOP_K, dim=2)  # (2, N H, K): of rows and of columns
        sums = (score[0].unsqueeze(2) + score[1].unsqueeze(1)).flatten(1)
        cells = (place[0].unsqueeze(2) * SIDE + place[1].unsqueeze(1)).flatten(1)
        score, best = sums.topk(TOP_K, dim=1)
        picks = cells.gather(1, best).view(-1, PEER_HEADS * TOP_K)
        gate = score.softmax(dim=1).view(-1, PEER_HEADS * TOP_K)
        return self.mix(x, picks, gate, self.down, self.up)


class Block(nn.Module):
    def __init__(self, peer):
        super().__init__()
        output_deviation = (2 * LAYERS * WIDTH) ** -0.5
        self.input_norm = nn.Parameter(torch.ones(WIDTH))
        self.middle_norm = nn.Parameter(torch.ones(WIDTH))
        self.qkv = normal(3 * WIDTH, WIDTH, deviation=WIDTH**-0.5)
        self.output = normal(WIDTH, WIDTH, deviation=output_deviation)
        self.gate_up = normal(2 * HIDDEN, WIDTH, deviation=WIDTH**-0.5)
        self.down = normal(WIDTH, HIDDEN, deviation=output_deviation)
        self.peer = peer

    def attention(self, x, cosine, sine):
        qkv = F.linear(x, self.qkv).view(BATCH, CONTEXT, 3 * HEADS, WIDTH // HEADS).transpose(1, 2)
        qk, v = qkv[:, : 2 * HEADS], qkv[:, 2 * HEADS :]
        first, second = qk.chunk(2, dim=3)
        qk = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=3)
        y = F.scaled_dot_product_attention(qk[:, :HEADS], qk[:, HEADS:], v, is_causal=True)
        return F.linear(y.transpose(1, 2).reshape(-1, WIDTH), self.output)

    def forward(self, x, cosine, sine):
        x = x + self.attention(F.rms_norm(x, (WIDTH,), self.input_norm, EPSILON), cosine, sine)
        z = F.rms_norm(x, (WIDTH,), self.middle_norm, EPSILON)
        gate, up = F.linear(z, self.gate_up).chunk(2, dim=1)
        x = x + F.linear(F.silu(gate) * up, self.down)
        return x + self.peer(z) if self.peer else x


class Tiny(nn.Module):
    def __init__(self, mix):
        super().__init__()
        self.embedding = normal(VOCABULARY, WIDTH, deviation=0.02)
        self.blocks = nn.ModuleList(Block(Peer(mix) if i in PEER_LAYERS else None) for i in range(LAYERS))
        self.norm = nn.Parameter(torch.ones(WIDTH))
        self.head = normal(VOCABULARY, WIDTH, deviation=0.02)
        half = WIDTH // HEADS // 2
        angle = torch.arange(CONTEXT).unsqueeze(1) * THETA ** (-torch.arange(half) / half)
        self.register_buffer("cosine", angle.cos(), persistent=False)
        self.register_buffer("sine", angle.sin(), persistent=False)

    def forward(self, tokens, targets):
        x = F.embedding(tokens.flatten(), self.embedding)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        logits = F.linear(F.rms_norm(x, (WIDTH,), self.norm, EPSILON), self.head)
        return F.cross_entropy(logits, targets.flatten())

    def count(self):
        """What peer-cli counts: parameters and the running statistics of the query norms."""
        statistics = [b for name, b in self.named_buffers() if "running" in name]
        return sum(t.numel() for t in (*self.parameters(), *statistics))


def optimizer_of(model):
    groups = {"decayed": [], "trunk": [], "router": [], "experts": []}
    for name, parameter in model.named_parameters():
        if ".peer." in name:
            groups["experts" if name.endswith((".down", ".up")) else "router"].append(parameter)
        else:
            matrix = name.startswith("blocks") and parameter.dim() == 2
            groups["decayed" if matrix else "trunk"].append(parameter)
    rates = {"decayed": TRUNK_RATE, "trunk": TRUNK_RATE, "router": ROUTER_RATE, "experts": EXPERT_RATE}
    return torch.optim.AdamW(
        [{"params": groups[g], "lr": rates[g], "peak": rates[g], "weight_decay": DECAY if g == "decayed" else 0.0} for g in groups],
        betas=(0.9, 0.95), fused=True)


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="+")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--warm-up", type=int, default=20, help="first steps that are not measured")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--experts", choices=MIXES, default="bag", help="how the retrieved experts are computed")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: the time that other programs do not touch")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)

    tokens = read_tokens(options.text)
    model = Tiny(options.experts)
    optimizer = optimizer_of(model)
    parameters = list(model.parameters())
    loss_of = torch.compile(model) if options.compile else model
    window = torch.arange(CONTEXT + 1)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    milliseconds, bits = [], []
    for step in range(options.steps):
        began = clock()
        batch = tokens[torch.randint(len(tokens) - CONTEXT, (BATCH, 1)) + window]
        loss = loss_of(batch[:, :-1], batch[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP, foreach=True)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * schedule(step, options.steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        bits.append(loss.item() / math.log(2))
        milliseconds.append(1e3 * (clock() - began))
    measured = milliseconds[options.warm_up :]
    step_ms = statistics.median(measured)
    print(json.dumps({
        "ms": round(step_ms, 2), "best_ms": round(min(measured), 2), "ktok_s": round(BATCH * CONTEXT / step_ms, 2), "bits_per_byte": round(statistics.mean(bits[-10:]), 3),
        "parameters": model.count(), "experts": options.experts, "compile": options.compile, "threads": torch.get_num_threads(),
        "torch": torch.__version__, "isa": torch.backends.cpu.get_cpu_capability()}))


if __name__ == "__main__":
    main()
