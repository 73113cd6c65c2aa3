#!/usr/bin/env bash
# Builds all functions for this machine, where the emulator runs them, with the flags of deploy.sh: build.sh FOLDER.
set -euo pipefail
cd "$(dirname "$0")/.."
CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath -ldflags=-s -tags=lambda.norpc" exec go build -o "$1/" ./functions/...
