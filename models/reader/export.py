"""Writes what was trained as internal/reading reads it: layers.bin and heads.bin.

    python export.py --model reader.npz --out ../../internal/reading/model

Temperatures, by which the heads' outputs are divided so that their probabilities are right (Guo et al. 2017, "On
Calibration of Modern Neural Networks"), are fitted on what the model says of the
sentences that train.py --held kept out of its training.
"""

import argparse
import os
import struct

import numpy as np

from train import HEADS

ORDER = ["sentiment", "intent", "severity", "answer", "after"]


def loss(z, t):
    """Cross entropy of outputs z and targets t; of a single output it is of yes or no."""
    if z.shape[1] == 1:
        return np.mean(np.logaddexp(0, z) - z * t)
    m = z.max(1, keepdims=True)
    return -np.mean(((z - m - np.log(np.exp(z - m).sum(1, keepdims=True))) * t).sum(1))


def temperature(z, t):
    grid = np.exp(np.linspace(np.log(0.3), np.log(6), 200))
    return float(grid[np.argmin([loss(z / x, t) for x in grid])])


def rows8(w):
    """Rows as a float32 step and int8 multiples of it."""
    out = b""
    for row in w:
        step = np.float32(np.abs(row).max() / 127)
        out += struct.pack("<f", step) + np.clip(np.round(row / step), -127, 127).astype(np.int8).tobytes()
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--model", "--out"]:
        a.add_argument(name, required=True)
    a = a.parse_args()
    m = np.load(a.model)
    if "out.sentiment" not in m:
        raise SystemExit(f"{a.model} knows no sentences that were held out: train with --held 10")
    heads = b"RTH1"
    for h in ORDER:
        t = temperature(m["out." + h], m["want." + h])
        print(f"{h}: temperature {t:.2f}, from {len(m['out.' + h])} sentences")
        heads += (m[h + ".w"].T / t).astype("<f4").tobytes() + (m[h + ".b"] / t).astype("<f4").tobytes()
        assert m[h + ".w"].shape == (384, HEADS[h])
    layers = sorted({k.split(".")[0] for k in m.files if k[0] == "l" and k[1].isdigit()}, key=lambda k: int(k[1:]))
    out = b"RTL1" + struct.pack("<I", len(layers))
    for l in layers:
        for k in ["qw", "kw", "vw", "ow", "iw", "fw"]:
            out += rows8(m[f"{l}.{k}"])
        for k in ["qb", "kb", "vb", "ob", "ib", "fb", "ag", "ab", "og", "olb"]:
            out += m[f"{l}.{k}"].astype("<f4").tobytes()
    for name, b in [("heads.bin", heads), ("layers.bin", out)]:
        with open(os.path.join(a.out, name), "wb") as f:
            f.write(b)


if __name__ == "__main__":
    main()
