#!/usr/bin/env bash
# Runs the tests of all packages but those that need the deployed stack (e2e and local), and prints
# what failed, the table of drills, and what was skipped; `test.sh deployed` runs the others.
set -euo pipefail
tools=$(local/tools.sh test) # Schemathesis
export PATH="$tools/bin:$PATH"
python3 local/weights.py >/dev/null
export RAPPORT_TEST=all # what a test needs is here: see internal/needs
run() { go test -json -count=1 -timeout=60m -shuffle=on "$@"; }
if [ "${1:-}" = deployed ]; then
  run ./e2e ./local | go run ./cmd/drills skips
else
  packages=$(go list ./... | grep -v -E '^rapport/(e2e|local)$')
  # shellcheck disable=SC2086 # one word a package
  run $packages | go run ./cmd/drills read
fi
