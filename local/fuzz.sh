#!/usr/bin/env bash
# Runs every fuzz test of the module for the given time each: fuzz.sh 10s.
set -euo pipefail
cd "$(dirname "$0")/.."
found=0
while IFS=: read -r file line; do
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
  go test -run '^$' -fuzz "^$name\$" -fuzzminimizetime=1s -fuzztime "$1" "./$(dirname "$file")" </dev/null
  found=1
done < <(grep -rE --include='*_test.go' '^func Fuzz' cmd functions internal local)
[ $found = 1 ] || { echo "rapport: there is no fuzz test" >&2; exit 1; }
