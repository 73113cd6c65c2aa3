#!/usr/bin/env bash
# Runs the tests of all packages but those that need the deployed stack (e2e and local), and prints
# what failed and the table of drills.
set -euo pipefail
tools=$(local/tools.sh test) # Schemathesis
export PATH="$tools/bin:$PATH"
go list ./... | grep -v -E '^rapport/(e2e|local)$' | xargs go test -json -count=1 -timeout=60m -shuffle=on | go run ./cmd/drills read
