#!/usr/bin/env python3
"""Compares streams::bpe_tokenizer with Hugging Face's `tokenizers` (pip install tokenizers), text by text.

    ninja -C build/release print_tokens
    python3 tests/streams/compare_with_tokenizers.py build/release/tests/streams/print_tokens tokenizer.json '<|endoftext|>' text|tokens text...

Each file is one text; of a .jsonl each line's field `text` is one. Special tokens are encoded as the text they are, or as tokens."""
import json
import subprocess
import sys

from tokenizers import Tokenizer


def texts_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith(".jsonl"):
            return [json.loads(line)["text"] for line in file if line.strip()]
        return [file.read()]


def main():
    tool, path, end_of_document, marks, *files = sys.argv[1:]
    theirs = Tokenizer.from_file(path)
    theirs.encode_special_tokens = marks == "text"
    theirs.no_truncation()
    theirs.no_padding()
    wrong = 0
    for file in files:
        texts = texts_of(file)
        sent = b"".join(b"%d\n%s\n" % (len(data), data) for data in (text.encode() for text in texts))
        done = subprocess.run([tool, path, end_of_document, marks], input=sent, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(f"{file}: {done.stderr.decode()}")
        lines = done.stdout.decode().split("\n")
        differing = 0
        for number, (text, line) in enumerate(zip(texts, lines, strict=False)):
            ours = [int(token) for token in line.split()]
            expected = theirs.encode(text, add_special_tokens=False).ids
            if ours == expected:
                continue
            differing += 1
            if differing <= 3:
                at = next((i for i, (a, b) in enumerate(zip(ours, expected)) if a != b), min(len(ours), len(expected)))
                print(f"{file}: text {number}, token {at}: ours {ours[at:at + 6]}, expected {expected[at:at + 6]},",
                      repr(theirs.decode(expected[max(0, at - 4):at + 6], skip_special_tokens=False)))
        size = sum(len(text.encode()) for text in texts)
        tokens = sum(len(line.split()) for line in lines)
        print(f"{file}: {differing} of {len(texts)} texts differ; {size} bytes, {tokens} tokens, {done.stderr.decode().strip()}")
        wrong += differing
    sys.exit(wrong > 0)


main()
