#!/usr/bin/env python3
"""Makes tests/fixtures/tiny-bert: a BERT model of a few kilobytes with random weights, and what it answers.

Usage: make_tiny_bert.py DIRECTORY       (needs numpy)

The directory has the files of a sentence-transformers model. expected.json holds, for some texts, the numbers of their
pieces and their vectors, computed here with numpy and independently of the program under test: mean pooling, length one.
"""
import json
import math
import pathlib
import re
import struct
import sys

import numpy as np

WIDTH, HEADS, LAYERS, INNER, PLACES, LONGEST = 12, 3, 2, 20, 24, 16
WORDS = "parse header user name get file the of a total price".split()
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "##r", "##s", "(", ")", ".", "##x"]
TEXTS = ["parse the header", "get user name", "Prices (of a FILE)", "parser", "unspeakable", "",
         "total price of the file of the user of the name of the header of a user", "get_user.name"]


def pieces(text):
    """WordPiece over words and punctuation, cut off so that the ends fit."""
    found = []
    for word in re.findall(r"\w+|[^\w\s]", text.lower().replace("_", " _ ")):
        word = word.strip()
        cut, rest, prefix = [], word, ""
        while rest:
            end = next((e for e in range(len(rest), 0, -1) if prefix + rest[:e] in PIECES), 0)
            if not end:
                cut = ["[UNK]"]
                break
            cut.append(prefix + rest[:end])
            rest, prefix = rest[end:], "##"
        found += cut
    return [PIECES.index(piece) for piece in ["[CLS]", *found[: LONGEST - 2], "[SEP]"]]


def weights(random):
    named = {}

    def tensor(name, *shape):
        named[name] = random.normal(0, 0.5, shape).astype(np.float32)

    def norm(name):
        named[f"{name}.LayerNorm.weight"] = random.normal(1, 0.2, WIDTH).astype(np.float32)
        tensor(f"{name}.LayerNorm.bias", WIDTH)

    def linear(name, wide, narrow):
        tensor(f"{name}.weight", wide, narrow)
        tensor(f"{name}.bias", wide)

    tensor("embeddings.word_embeddings.weight", len(PIECES), WIDTH)
    tensor("embeddings.position_embeddings.weight", PLACES, WIDTH)
    tensor("embeddings.token_type_embeddings.weight", 2, WIDTH)
    norm("embeddings")
    for layer in (f"encoder.layer.{number}" for number in range(LAYERS)):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{layer}.attention.{part}", WIDTH, WIDTH)
        norm(f"{layer}.attention.output")
        linear(f"{layer}.intermediate.dense", INNER, WIDTH)
        linear(f"{layer}.output.dense", WIDTH, INNER)
        norm(f"{layer}.output")
    return named


def forward(ids, w):
    """One text alone, in double precision, as the paper has it."""
    w = {name: tensor.astype(np.float64) for name, tensor in w.items()}
    linear = lambda x, name: x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings")
    for layer in (f"encoder.layer.{number}" for number in range(LAYERS)):
        query, key, value = (linear(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = []
        for head in range(HEADS):
            part = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
            scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(WIDTH // HEADS))
            mixed.append(scores / scores.sum(-1, keepdims=True) @ value[:, part])
        x = norm(x + linear(np.concatenate(mixed, -1), f"{layer}.attention.output.dense"), f"{layer}.attention.output")
        inner = linear(x, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output")
    return x


def write_safetensors(path, tensors):
    """https://github.com/huggingface/safetensors"""
    header, data = {}, b""
    for name, tensor in sorted(tensors.items()):
        begin, data = len(data), data + tensor.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(directory):
    (directory / "1_Pooling").mkdir(parents=True, exist_ok=True)
    tensors = weights(np.random.default_rng(8))
    write_safetensors(directory / "model.safetensors", tensors)
    (directory / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    config = {"model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": INNER,
              "layer_norm_eps": 1e-12, "max_position_embeddings": PLACES, "num_attention_heads": HEADS,
              "num_hidden_layers": LAYERS, "type_vocab_size": 2, "vocab_size": len(PIECES)}
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    modules = [{"idx": number, "name": str(number), "type": f"sentence_transformers.models.{kind}"}
               for number, kind in enumerate(("Transformer", "Pooling", "Normalize"))]
    for name, content in (("config.json", config), ("1_Pooling/config.json", pooling), ("modules.json", modules),
                          ("sentence_bert_config.json", {"max_seq_length": LONGEST})):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n")
    expected = []
    for text in TEXTS:
        ids = pieces(text)
        outputs = forward(ids, tensors)
        one = lambda vector: [round(float(x), 6) for x in vector / np.linalg.norm(vector)]
        expected.append({"text": text, "pieces": ids, "mean": one(outputs.mean(0)), "first": one(outputs[0])})
    lines = ",\n".join(json.dumps(each) for each in expected)
    (directory / "expected.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
