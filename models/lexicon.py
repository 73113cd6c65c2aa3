#!/usr/bin/env python3
"""Write internal/reading/model/lexicon.txt from the lexicon of vaderSentiment.

usage: python3 models/lexicon.py FOLDER      (FOLDER holds vader_lexicon.txt and emoji_utf8_lexicon.txt)

The folder is the inside of the PyPI wheel vaderSentiment 3.3.2 (MIT). A line
of the result is an entry, a tab and its mean rating (-4 to 4); an emoji
stands with the sum of the ratings of its description's words, where that is
not zero. Lines are sorted, so the same wheel gives the same bytes.
"""
import os
import sys

folder = sys.argv[1]
rating = {}
with open(os.path.join(folder, "vader_lexicon.txt"), encoding="utf-8") as f:
    for line in f:
        word, mean = line.strip().split("\t")[:2]
        if " " not in word:
            rating[word.lower()] = float(mean)
emoji = {}
with open(os.path.join(folder, "emoji_utf8_lexicon.txt"), encoding="utf-8") as f:
    for line in f:
        char, words = line.strip().split("\t")[:2]
        total = sum(rating.get(w.strip(",.:()").lower(), 0.0) for w in words.split())
        if len(char) == 1 and total:
            emoji[char] = max(-4.0, min(4.0, total))
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "internal", "reading", "model", "lexicon.txt"), "w", encoding="utf-8", newline="\n") as f:
    for key, value in sorted({**emoji, **rating}.items()):
        f.write(f"{key}\t{value:.2g}\n")
