#!/usr/bin/env bash
# What `make run` does: run.sh PORT. Says first what is missing. On a fresh machine the installation
# of the tools waits for the network and the compiler for the processor: they go on side by side.
set -euo pipefail
cd "$(dirname "$0")/.."
port=$1

die() { echo "rapport: $*" >&2; exit 1; }

command -v go >/dev/null || die "Go is missing; install Go 1.26 or later from https://go.dev/dl and put its bin folder on the PATH"
command -v python3 >/dev/null || die "Python 3 is missing; install Python 3.10 or later (Debian, Ubuntu: apt-get install python3 python3-venv)"
python3 -c 'import ensurepip, venv' 2>/dev/null || die "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"
command -v ps >/dev/null || die "ps is missing; on Debian or Ubuntu: apt-get install procps"

if [ ! -e bin/rapport ]; then
	echo "The first time this takes several minutes: all that Rapport is made of is compiled while the emulator of AWS is installed"
fi
{ make --no-print-directory build && local/build.sh .local/run/built; } &
compiler=$!
trap 'kill $compiler 2>/dev/null || true' EXIT
tools=$(local/tools.sh)
if kill -0 $compiler 2>/dev/null; then
	printf 'Compiling '
	while kill -0 $compiler 2>/dev/null; do
		printf .
		sleep 2
	done
	echo
fi
wait $compiler || die "it does not compile; the compiler says above why"
export PATH="$tools/bin:$PATH"
python local/cloud.py up --name run --port "$port"
python local/cloud.py exec --name run -- python local/demo.py --recent
