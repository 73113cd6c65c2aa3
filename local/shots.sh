#!/usr/bin/env bash
# Takes the picture of README: the head of the report that `make run` made, into docs/report.png.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "rapport: $*" >&2; exit 1; }

report=$PWD/.local/run/demo/report.html
[ -e "$report" ] || die "there is no report yet; make one with: make run"
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || die "Chromium is missing; on Debian or Ubuntu: apt-get install chromium (or say where a Chromium or Chrome is: CHROMIUM=/path make shots)"

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
	--user-data-dir="$profile" --hide-scrollbars --window-size=720,935 --screenshot="$profile/report.png" "file://$report" 2>"$profile/log" >&2 ||
	{ cat "$profile/log" >&2; die "the browser could not take the picture"; }
cp "$profile/report.png" docs/report.png
echo "docs/report.png, $(($(wc -c <docs/report.png) / 1024)) KB"
