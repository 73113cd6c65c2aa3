#!/usr/bin/env bash
# Runs all tests against a local cloud started for them: test.sh PORT. It has its own port and
# state, so a running `make run` is left alone. Needs the tools on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
port=$1

trap 'python local/cloud.py stop --name test >/dev/null' EXIT
python local/cloud.py up --fresh --name test --port "$port"
code=0
python local/cloud.py exec --name test -- go test -count=1 -shuffle=on ./... || code=$?
exit $code
