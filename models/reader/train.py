"""Trains the last layers of multilingual-e5-small together with the heads of the reader.

    python train.py --weights e5-small-q4.bin --vader hutto_ICWSM_2014 --out reader.npz [--held 10]
        [--kept 8] [--leave daily,short] [--unbalanced] [--start ../../internal/reading/model] [--umsab ../shared/data/umsab]

With --held 10 a tenth of the families of sentences is held out, and the figures on it are printed. --kept says how
many of the first layers stay as they are. --leave leaves out
files of sentences by the ends of their names; --unbalanced leaves the classes of sentiment as often as they
are; else they weigh the same in each set and language, and rare intents weigh more. --seed orders the texts.
--start goes on from a model that was written, once over all texts and in small steps. --umsab prints figures on these sets, on which nothing is trained and nothing may be tuned.

Texts: VADER's ground-truth sets (MIT; tweets, Amazon and a third of the NYT, mean ratings of twenty people),
models/intents.tsv and models/sentences/*.tsv, written for this project. A fifth of VADER's texts is never trained
on: make quality measures on it. What the layers that stay make of a text
is computed once and kept beside --out. Heads, linear in the mean of the last layer: sentiment, intent, severity,
and whether an answer is owed, at the beginning and after the business said something.
"""

import argparse
import glob
import hashlib
import json
import math
import os
import random
import re
import struct
import time

import jax
import jax.numpy as jnp
import numpy as np

import net
from e5 import D, F, LAYERS, E5
from states import SIZES, states

SENTIMENTS = ["negative", "neutral", "positive"]
INTENTS = ["problem", "complaint", "wish", "question", "praise", "recommendation", "purchase", "churn", "closing", "chatter", "spam"]
HEADS = {"sentiment": 3, "intent": len(INTENTS), "severity": 4, "answer": 1, "after": 1}
SHARE = {"sentiment": 1, "intent": 0.7, "severity": 0.3, "answer": 0.7, "after": 0.7}  # of the loss
WEIGHT = {"tweets": 1, "amazonReviewSnippets": 0.7, "nytEditorialSnippets": 0.4, "intents": 1.5, "own": 2}
EPOCHS, RATE, BATCH, SEED = 3, 1e-4, 32, 1
KEPT = 4  # of the twelve layers
ON_EPOCHS, ON_RATE = 1, 6e-5  # where a training goes on from another
HERE = os.path.dirname(os.path.abspath(__file__))


def soft(rating):
    """The probability that a rating with a normal error of 0.5 is below -0.5, between, or above 0.5."""
    below = lambda x: 0.5 * math.erfc((rating - x) / (0.5 * math.sqrt(2)))
    return [below(-0.5), below(0.5) - below(-0.5), 1 - below(0.5)]


def one_hot(n, i):
    return [float(k == i) for k in range(n)]


def rows(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return [line.rstrip("\n").split("\t") for line in f if line.strip()]


def examples(vader):
    """Texts with what is known of each: a target for each head that it trains, its weight, its family."""
    out = []
    r = random.Random(SEED)
    for name in ["tweets", "amazonReviewSnippets", "nytEditorialSnippets"]:
        for _, rating, text in rows(os.path.join(vader, name + "_GroundTruth.txt")):
            if name != "nytEditorialSnippets" or r.random() < 0.35:
                out.append({"set": name, "text": text, "family": text, "sentiment": soft(float(rating))})
    return out + sentences()


def sentences():
    """The sentences written for this project, as examples."""
    out = []
    for intent, sentiment, text in rows(os.path.join(HERE, "..", "intents.tsv")):
        e = {"set": "intents", "text": text, "family": text, "sentiment": one_hot(3, SENTIMENTS.index(sentiment))}
        if intent in INTENTS:
            e["intent"] = one_hot(len(INTENTS), INTENTS.index(intent))
        if intent in ("problem", "wish", "question", "purchase", "churn"):
            e["answer"] = [1.0]
        if intent in ("praise", "spam"):
            e["answer"] = [0.0]
        out.append(e)
    for path in sorted(glob.glob(os.path.join(HERE, "..", "sentences", "*.tsv"))):
        language = os.path.basename(path)[:2]
        for group, sentiment, intent, answer, severity, before, text in rows(path)[1:]:
            team = before.startswith("team:")
            e = {"set": "own", "file": os.path.basename(path)[3:-4], "text": text, "family": language + group, "language": language, "team": team, "owed": int(answer),
                 "sentiment": one_hot(3, SENTIMENTS.index(sentiment)), "intent": one_hot(len(INTENTS), INTENTS.index(intent)), "severity": one_hot(4, int(severity))}
            e["after" if team else "answer"] = [float(answer)]
            if not before:
                e["after"] = [float(answer)]  # said after an answer it means the same
            if e["file"].rstrip("2") in ("live", "turns", "mock") and sentiment == "negative" and intent in ("problem", "complaint") and not int(answer):
                e.pop("answer", None), e.pop("after", None)  # said to nobody: in a business's own channel an answer may be owed
            out.append(e)
    return out


def balanced(es):
    """Gives each example its weight for the head of sentiment: the three classes weigh the same in a set and language."""
    count = {}
    for e in es:
        key = e["set"], e.get("language")
        count[key] = count.get(key, 0) + np.array(e["sentiment"])
    for e in es:
        n = count[e["set"], e.get("language")]
        share = n.sum() / 3 / np.maximum(n, 1)
        e["balance"] = float(np.clip(share @ np.array(e["sentiment"]), 0.5, 2))


def rare(es):
    """Gives each example its weight for the head of intents: by the root of how much rarer its intent is than the mean."""
    n = sum(np.array(e["intent"]) for e in es if "intent" in e)
    share = np.clip(np.sqrt(n.mean() / n), 0.3, 3)
    for e in es:
        if "intent" in e:
            e["rare"] = float(share @ np.array(e["intent"]))


def for_measuring(text):
    """Whether a text of VADER's is never trained on: a fifth of them, those of HeldOut in internal/quality."""
    letters = re.sub(r"[^a-z0-9]", "", re.sub(r"[A-Z]", lambda m: m[0].lower(), text))
    return hashlib.sha256(("20261121" + letters).encode()).digest()[0] < 51


def held_out(e, of):
    """Whether an example is kept out of training: of VADER's a fifth, of the others a part of the families, 0: none."""
    if e["set"] not in ("own", "intents"):
        return for_measuring(e["text"])
    return of > 0 and part_of(e["family"], of) == 0


def part_of(family, of):
    """In which of some parts of the families one is."""
    return int.from_bytes(hashlib.sha256(family.encode()).digest()[:4], "big") % of


def batch(es):
    """Examples as arrays, padded to one length."""
    size = next(s for s in SIZES if s >= max(len(e["state"]) for e in es))
    x, k = np.zeros((len(es), size, 384), np.float32), np.zeros((len(es), size), bool)
    for i, e in enumerate(es):
        x[i, : len(e["state"])], k[i, : len(e["state"])] = e["state"], True
    b = {"x": x, "k": k, "w": np.array([WEIGHT[e["set"]] for e in es], np.float32)}
    for head, n in HEADS.items():
        b[head] = np.array([e.get(head, [0.0] * n) for e in es], np.float32)
        b["has " + head] = np.array([head in e for e in es], np.float32)
    b["has sentiment"] *= np.array([e.get("balance", 1) for e in es], np.float32)
    b["has intent"] *= np.array([e.get("rare", 1) for e in es], np.float32)
    return b


def judge(p, x, k):
    v = net.pooled(net.layers(p["layers"], x, k), k)
    return {h: v @ w + b for h, (w, b) in p["heads"].items()}


def loss(p, b, key):
    v = net.pooled(net.layers(p["layers"], b["x"], b["k"]), b["k"])
    v = v * jax.random.bernoulli(key, 0.9, v.shape) / 0.9
    total = 0.0
    for h, (w, shift) in p["heads"].items():
        z = v @ w + shift
        if HEADS[h] == 1:
            each = jax.nn.softplus(z[:, 0]) - z[:, 0] * b[h][:, 0]
        else:
            each = -(jax.nn.log_softmax(z) * b[h]).sum(-1)
        total += SHARE[h] * (b["w"] * b["has " + h] * each).sum()
    return total / b["w"].sum()


@jax.jit
def step(p, m, v, b, key, i, rate):
    """One step of AdamW (Loshchilov and Hutter 2019), gradients clipped to length 1; heads learn ten times as fast."""
    value, g = jax.value_and_grad(loss)(p, b, key)
    length = jnp.sqrt(sum((x**2).sum() for x in jax.tree.leaves(g)))
    g = jax.tree.map(lambda x: x * jnp.minimum(1.0, 1.0 / length), g)
    m = jax.tree.map(lambda a, x: 0.9 * a + 0.1 * x, m, g)
    v = jax.tree.map(lambda a, x: 0.999 * a + 0.001 * x * x, v, g)
    move = lambda scale: lambda x, a, s: x - scale * rate * ((a / (1 - 0.9**i)) / (jnp.sqrt(s / (1 - 0.999**i)) + 1e-8) + 0.01 * x)
    p = {part: jax.tree.map(move(scale), p[part], m[part], v[part]) for part, scale in [("layers", 1.0), ("heads", 10.0)]}
    return p, m, v, value


def fit(layers, es, seed, p=None):
    """Trains these layers and new heads, or goes on from p."""
    r, start = np.random.default_rng(seed), np.random.default_rng(SEED)  # all trainings start alike, so that their mean means something
    epochs, top = (ON_EPOCHS, ON_RATE) if p else (EPOCHS, RATE)
    p = p or {"layers": [{k: jnp.asarray(v) for k, v in l.items()} for l in layers],
         "heads": {h: (jnp.asarray(start.normal(0, 0.02, (384, n)), jnp.float32), jnp.zeros(n)) for h, n in HEADS.items()}}
    m, v = jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)
    steps, i, began, key = epochs * math.ceil(len(es) / BATCH), 0, time.time(), jax.random.PRNGKey(seed)
    for epoch in range(epochs):
        order = np.array(sorted(range(len(es)), key=lambda a: (len(es[a]["state"]) + r.integers(0, 4), r.random())))
        parts = [order[a : a + BATCH] for a in range(0, len(order), BATCH)]
        r.shuffle(parts := np.array(parts, dtype=object))
        total = 0.0
        for n, part in enumerate(parts):
            part = np.concatenate([part, r.choice(order, BATCH - len(part))]).astype(int)
            i += 1
            warm = 0.1 * steps
            rate = top * min(i / warm, max(0.0, (steps - i) / (steps - warm)))
            p, m, v, value = step(p, m, v, batch([es[j] for j in part]), jax.random.fold_in(key, i), i, rate)
            total += float(value)
            if n % 50 == 49:
                print(f"epoch {epoch + 1}: {n + 1} of {len(parts)}, loss {total / (n + 1):.4f}, {time.time() - began:.0f} s", flush=True)
    return p


def read(folder, before=()):
    """The layers and heads that export.py wrote; where it wrote fewer layers than are trained, those before it come first."""
    b = open(os.path.join(folder, "layers.bin"), "rb").read()
    (n,), at, layers = struct.unpack_from("<I", b, 4), 8, []
    for _ in range(n):
        l = {}
        for k, m, cols in [("qw", D, D), ("kw", D, D), ("vw", D, D), ("ow", D, D), ("iw", F, D), ("fw", D, F)]:
            raw = np.frombuffer(b, np.uint8, m * (4 + cols), at).reshape(m, 4 + cols)
            l[k] = jnp.asarray(raw[:, 4:].view(np.int8) * raw[:, :4].copy().view("<f4"))
            at += raw.size
        for k, m in [("qb", D), ("kb", D), ("vb", D), ("ob", D), ("ib", F), ("fb", D), ("ag", D), ("ab", D), ("og", D), ("olb", D)]:
            l[k] = jnp.asarray(np.frombuffer(b, "<f4", m, at))
            at += 4 * m
        layers.append(l)
    b, at, heads = open(os.path.join(folder, "heads.bin"), "rb").read(), 4, {}
    for h, m in HEADS.items():
        w = np.frombuffer(b, "<f4", m * D, at).reshape(m, D).T
        at += 4 * m * D
        heads[h] = jnp.asarray(w), jnp.asarray(np.frombuffer(b, "<f4", m, at))
        at += 4 * m
    more = [{k: jnp.asarray(v) for k, v in l.items()} for l in before[: len(before) - len(layers)]]
    return {"layers": more + layers, "heads": heads}


def flat(p):
    """Layers and heads as arrays by name."""
    first = LAYERS - len(p["layers"])
    out = {f"l{i + first}.{k}": np.asarray(v) for i, l in enumerate(p["layers"]) for k, v in l.items()}
    for h, (w, b) in p["heads"].items():
        out[h + ".w"], out[h + ".b"] = np.asarray(w), np.asarray(b)
    return out


def outputs(p, es):
    f, out = jax.jit(judge), [None] * len(es)
    order = sorted(range(len(es)), key=lambda i: len(es[i]["state"]))
    for a in range(0, len(order), 64):
        part = order[a : a + 64]
        b = batch([es[i] for i in part] + [es[part[0]]] * (64 - len(part)))
        o = f(p, b["x"], b["k"])
        for j, i in enumerate(part):
            out[i] = {h: np.asarray(z[j]) for h, z in o.items()}
    return out


def macro_f1(want, got, n):
    f = []
    for c in range(n):
        both, either = sum(int(w == c == g) for w, g in zip(want, got)), sum(int(w == c) + int(g == c) for w, g in zip(want, got))
        f.append(2 * both / max(1, either))
    return sum(f) / n


def figures(o, es):
    """Prints how well sentences of our own are read, which gave outputs o."""
    for language in [None] + sorted({e["language"] for e in es}):
        k = [i for i, e in enumerate(es) if language in (None, e["language"])]
        best = lambda h: ([int(np.argmax(es[i][h])) for i in k], [int(o[i][h].argmax()) for i in k])
        owed = np.mean([(o[i]["after" if es[i]["team"] else "answer"][0] > 0) == es[i]["owed"] for i in k])
        print(f"{language or 'all'} n={len(k)}: sentiment {macro_f1(*best('sentiment'), 3):.3f}, intent {macro_f1(*best('intent'), len(INTENTS)):.3f}, answer owed right {owed:.3f}", flush=True)


def umsab(p, model, kept, folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.tsv"))):
        rs = [r for r in rows(path) if r[0] in "012"]
        es = [{"set": "own", "state": s} for s in states(model, [r[1] for r in rs], kept)]
        got = [int(o["sentiment"].argmax()) for o in outputs(p, es)]
        print(f"{os.path.basename(path)[:-4]} n={len(rs)}: sentiment {macro_f1([int(r[0]) for r in rs], got, 3):.3f}", flush=True)


def remembered(model, texts, file, kept):
    """What the first layers make of texts, by text; what is not in file yet, or is of other layers, is computed and kept there."""
    known = {}
    z = np.load(file) if os.path.exists(file) else {}
    if "kept" in z and int(z["kept"]) == kept:
        ends, all_states = np.cumsum(z["lens"]), z["states"]
        known = {t: all_states[end - n : end] for t, end, n in zip(json.loads(str(z["texts"])), ends, z["lens"])}
    new = list(dict.fromkeys(t for t in texts if t not in known))
    if new:
        known |= zip(new, states(model, new, kept))
        np.savez(file, kept=kept, texts=json.dumps(list(known)), lens=[len(s) for s in known.values()], states=np.concatenate(list(known.values())))
    return known


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--weights", "--vader", "--out"]:
        a.add_argument(name, required=True)
    a.add_argument("--held", type=int, default=0)
    a.add_argument("--kept", type=int, default=KEPT)
    a.add_argument("--seed", type=int, default=SEED)
    a.add_argument("--leave", default="")
    a.add_argument("--unbalanced", action="store_true")
    a.add_argument("--start")
    a.add_argument("--umsab")
    a = a.parse_args()
    model, es = E5(a.weights), [e for e in examples(a.vader) if not a.leave or e.get("file") not in a.leave.split(",")]
    known = remembered(model, [e["text"] for e in es], a.out + ".states.npz", a.kept)
    for e in es:
        e["state"] = known[e["text"]]
    out = lambda e: held_out(e, a.held)
    if not a.unbalanced:
        balanced(es)
        rare(es)
    trained = model.layers[a.kept :]
    p = fit(trained, [e for e in es if not out(e)], a.seed, a.start and read(a.start, trained))
    if a.held:
        own = [e for e in es if out(e) and e["set"] == "own"]
        figures(outputs(p, own), own)
    if a.umsab:
        umsab(p, model, a.kept, a.umsab)
    np.savez(a.out, **flat(p))


if __name__ == "__main__":
    main()
