#!/usr/bin/env bash
# Looks at openapi.yaml: a linter (where Node.js is there), a Go client made from it that must
# compile, and what of it breaks clients of the last release, docs/openapi.released.yaml; whoever
# releases copies openapi.yaml there.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(local/tools.sh test)

if command -v npm >/dev/null; then
	lint=${XDG_CACHE_HOME:-$HOME/.cache}/rapport/redocly-$(git hash-object local/redocly/package-lock.json | cut -c1-16)
	if [ ! -e "$lint/.complete" ]; then
		mkdir -p "$lint"
		cp local/redocly/package.json local/redocly/package-lock.json "$lint"
		(cd "$lint" && npm ci --ignore-scripts --no-audit --no-fund --silent && touch .complete)
	fi
	output=$(REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$lint/node_modules/.bin/redocly" lint --config local/redocly/redocly.yaml --format=github-actions openapi.yaml 2>&1) ||
		{ echo "$output" >&2; exit 1; }
	if grep '^::' <<<"$output" >&2; then exit 1; fi
	echo "openapi.yaml is linted"
else
	echo "rapport: openapi.yaml is not linted, since Node.js is not there" >&2
fi

"$tools/bin/oapi-codegen" -generate types,client -package client -o local/client/client.go openapi.yaml
(cd local/client && GOFLAGS= GOWORK=off go build ./...)
echo "A Go client made of openapi.yaml compiles"

"$tools/bin/oasdiff" breaking --fail-on ERR docs/openapi.released.yaml openapi.yaml
echo "Clients of the last release go on"
