#!/usr/bin/env bash
# The quick checks: gofmt, go vet, the template. Needs the tools on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l cmd functions internal local)
[ -z "$unformatted" ] || { echo "rapport: not formatted, run make fmt:"; echo "$unformatted"; exit 1; } >&2
go vet ./...
# A region, since the linter asks for one; no account is needed.
output=$(AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam validate --lint 2>&1) || { echo "$output" >&2; exit 1; }
echo "Format, vet and template are fine"
