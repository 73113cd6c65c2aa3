"""The layers of multilingual-e5-small, a BERT, as functions that JAX can differentiate."""

import jax
import jax.numpy as jnp

H = 12


def norm(x, g, b):
    m = x.mean(-1, keepdims=True)
    return (x - m) / jnp.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + 1e-12) * g + b


def layer(p, x, mask):
    n, t, d = x.shape
    heads = lambda w, b: (x @ w.T + b).reshape(n, t, H, d // H).transpose(0, 2, 1, 3)
    q, k, v = heads(p["qw"], p["qb"]), heads(p["kw"], p["kb"]), heads(p["vw"], p["vb"])
    s = q @ k.transpose(0, 1, 3, 2) / jnp.sqrt(d // H) + jnp.where(mask, 0.0, -1e9)[:, None, None, :]
    y = (jax.nn.softmax(s, -1) @ v).transpose(0, 2, 1, 3).reshape(n, t, d)
    x = norm(x + y @ p["ow"].T + p["ob"], p["ag"], p["ab"])
    h = jax.nn.gelu(x @ p["iw"].T + p["ib"], approximate=False)
    return norm(x + h @ p["fw"].T + p["fb"], p["og"], p["olb"])


def layers(ps, x, mask):
    for p in ps:
        x = layer(p, x, mask)
    return x


def pooled(x, mask):
    m = mask[..., None].astype(x.dtype)
    return (x * m).sum(1) / m.sum(1)
