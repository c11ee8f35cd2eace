#!/usr/bin/env python3
"""The logits that tests/trainer/import_model_test.cpp expects, as transformers computes them for the weights of tests/support/llama_folder.h.

    python3 -m venv venv && venv/bin/pip install torch transformers && venv/bin/python tests/trainer/import_golden.py
"""
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 264, 32, 2, 4, 2, 48
HEAD = WIDTH // HEADS
TOKENS = [256, 10, 200, 3, 77, 150, 31, 256, 99, 5, 240, 120]
POSITIONS, LOGITS = [5, 11], [0, 50, 100, 150, 200, 250, 256, 263]
LONG_TOKENS = [(37 * t + 11) % VOCABULARY for t in range(60)]  # beyond the 32 positions that the scaled models were trained on
LONG_POSITIONS = [5, 59]
SCALED = {
    "llama3": {"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32},
    "linear": {"rope_type": "linear", "rope_theta": 100.0, "factor": 4.0},
}


def number(tensor, index):
    """Uniform in [-0.5, 0.5), exactly the same double on every machine."""
    x = (index * 2654435761 + tensor * 40503 + 12345) % 2**32
    x ^= x >> 16
    x = x * 2246822519 % 2**32
    x ^= x >> 13
    return x / 2**32 - 0.5


def names(biases, head, norms):
    query, kv = head * HEADS, head * KV_HEADS
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (WIDTH,)
        yield prefix + "self_attn.q_proj.weight", (query, WIDTH)
        yield prefix + "self_attn.k_proj.weight", (kv, WIDTH)
        yield prefix + "self_attn.v_proj.weight", (kv, WIDTH)
        yield prefix + "self_attn.o_proj.weight", (WIDTH, query)
        yield prefix + "post_attention_layernorm.weight", (WIDTH,)
        yield prefix + "mlp.gate_proj.weight", (FEED_FORWARD, WIDTH)
        yield prefix + "mlp.up_proj.weight", (FEED_FORWARD, WIDTH)
        yield prefix + "mlp.down_proj.weight", (WIDTH, FEED_FORWARD)
    yield "model.norm.weight", (WIDTH,)
    yield "lm_head.weight", (VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        for map_name in "qk" if norms else "":
            yield f"model.layers.{layer}.self_attn.{map_name}_norm.weight", (head,)
    for layer in range(LAYERS):
        for map_name in biases:
            yield f"model.layers.{layer}.self_attn.{map_name}_proj.bias", (kv if map_name in "kv" else WIDTH,)


def weights(dtype, biases, head, norms):
    for tensor, (name, shape) in enumerate(names(biases, head, norms)):
        count = torch.Size(shape).numel()
        numbers = torch.tensor([number(tensor, i) for i in range(count)], dtype=torch.float64)
        numbers = 1 + 0.5 * numbers if "norm" in name else numbers
        yield name, numbers.float().to(dtype).float().reshape(shape)


def model_of(family, tied, biases, rope, head):
    shape = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS,
                 num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=64, rms_norm_eps=1e-6,
                 tie_word_embeddings=tied)
    if family == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(rope_parameters={"rope_type": "default", "rope_theta": 1e6}, head_dim=head, **shape))
    if family == "qwen2":
        return Qwen2ForCausalLM(Qwen2Config(rope_parameters={"rope_type": "default", "rope_theta": 1e6}, use_sliding_window=False,
                                            sliding_window=32, max_window_layers=1, **shape))
    return LlamaForCausalLM(LlamaConfig(rope_parameters=dict(rope), attention_bias=biases != "", head_dim=head, **shape))


def logits(family, dtype, tied, biases, rope={"rope_type": "default", "rope_theta": 50000.0}, tokens=TOKENS, head=HEAD):
    model = model_of(family, tied, biases, rope, head).float().eval()
    state = {name: value for name, value in weights(dtype, biases, head, family == "qwen3") if not (tied and name == "lm_head.weight")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= ({"lm_head.weight"} if tied else set())
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0]


def show(name, all_logits, positions):
    rows = ["{" + ", ".join(f"{all_logits[p][l]:.6f}f" for l in LOGITS) + "}" for p in positions]
    print(f"{name}: {{" + ", ".join(rows) + "}")


for family, name, dtype, tied, biases in [("llama", "F32", torch.float32, False, ""), ("llama", "F16", torch.float16, True, ""),
                                          ("llama", "BF16", torch.bfloat16, True, ""), ("llama", "F32", torch.float32, False, "qkvo"),
                                          ("qwen2", "F32", torch.float32, False, "qkv"), ("qwen2", "BF16", torch.bfloat16, True, "qkv")]:
    show(f"{family} {name}{' tied' if tied else ''}{' with biases of ' + biases if biases else ''}", logits(family, dtype, tied, biases),
         POSITIONS)
for family, name, dtype, tied, head in [("llama", "F32", torch.float32, False, 6), ("qwen3", "F32", torch.float32, False, 16),
                                        ("qwen3", "BF16", torch.bfloat16, True, 16), ("qwen3", "F32", torch.float32, False, 8)]:
    show(f"{family} {name}{' tied' if tied else ''} with heads of {head}", logits(family, dtype, tied, "", head=head), POSITIONS)
for name, rope in SCALED.items():
    show(name, logits("llama", torch.float32, False, "", rope, LONG_TOKENS), LONG_POSITIONS)
