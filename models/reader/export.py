"""Writes what was trained as internal/reading reads it: layers.bin and heads.bin.

    python export.py --model MODEL... --weights e5-small-q4.bin --vader hutto_ICWSM_2014 --states first.npz.states.npz --out ../../internal/reading/model

A model is what train.py wrote, or a folder that this program wrote. What is written is the mean of the models, which reads texts of other kinds better than each (Wortsman et al. 2022,
"Model soups").

Temperatures, by which the heads' outputs are divided so that their probabilities are right (Guo et al. 2017, "On
Calibration of Modern Neural Networks"), are fitted on what it says of the sentences
that train.py --held 10 kept out of all trainings.
"""

import argparse
import os
import struct

import numpy as np

import train
from e5 import E5

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
    a.add_argument("--model", nargs="+", required=True)
    for name in ["--weights", "--vader", "--states", "--out"]:
        a.add_argument(name, required=True)
    a = a.parse_args()
    models = [train.flat(train.read(m, E5(a.weights).layers[train.KEPT :])) if os.path.isdir(m) else np.load(m) for m in a.model]
    m = {k: sum(x[k] for x in models) / len(models) for k in models[0]}
    known = train.remembered(None, [], a.states, train.KEPT)
    es = [e for e in train.examples(a.vader) if e["set"] == "own" and train.held_out(e, 10) and e["text"] in known]
    for e in es:
        e["state"] = known[e["text"]]
    layers = sorted({k.split(".")[0] for k in m if k[0] == "l" and k[1].isdigit()}, key=lambda k: int(k[1:]))
    p = {"layers": [{k.split(".")[1]: m[k] for k in m if k.startswith(l + ".")} for l in layers], "heads": {h: (m[h + ".w"], m[h + ".b"]) for h in train.HEADS}}
    got = train.outputs(p, es)
    train.figures(got, es)
    heads = b"RTH1"
    for h in ORDER:
        some = [i for i, e in enumerate(es) if h in e]
        t = temperature(np.stack([got[i][h] for i in some]), np.array([es[i][h] for i in some], np.float32))
        print(f"{h}: temperature {t:.2f}, from {len(some)} sentences")
        heads += (m[h + ".w"].T / t).astype("<f4").tobytes() + (m[h + ".b"] / t).astype("<f4").tobytes()
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
