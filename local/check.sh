#!/usr/bin/env bash
# The quick checks: gofmt, go vet, modules, the demo's data, the template. Needs the tools on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l cmd e2e functions internal local)
[ -z "$unformatted" ] || { echo "rapport: not formatted, run make fmt:"; echo "$unformatted"; exit 1; } >&2
go vet ./...
go mod tidy -diff >/dev/null || { echo "rapport: go.mod or go.sum is not tidy, run go mod tidy" >&2; exit 1; }
demo=$(PYTHONDONTWRITEBYTECODE=1 python -m unittest local/test_demo_data.py 2>&1) || { echo "$demo" >&2; exit 1; }
# A region, since the linter asks for one; no account is needed.
output=$(AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam validate --lint 2>&1) || { echo "$output" >&2; exit 1; }
local/contract.sh
echo "Format, vet, modules, demo data and template are fine"
