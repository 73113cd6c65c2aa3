#!/usr/bin/env bash
# Builds and deploys to AWS. The processor is asked first, since the build needs it, then sam asks for
# the rest; answers are kept in samconfig.toml, and taken from there the next time. ASK=1 asks again.
set -euo pipefail
cd "$(dirname "$0")/.."

kept=$(sed -n '/^\[default.deploy.parameters\]/,/^\[local/s/^parameter_overrides = .*Arch=\\*"*\([a-z0-9_]*\).*/\1/p' samconfig.toml)
arch=${ARCH:-$kept}
while [ "$arch" != arm64 ] && [ "$arch" != x86_64 ]; do
	read -rp "Processor of the functions, arm64 (cheaper) or x86_64 [arm64]: " arch || exit 1
	arch=${arch:-arm64}
done
python3 local/weights.py build/reader >/dev/null
CGO_ENABLED=0 GOFLAGS="-trimpath -ldflags=-s -tags=lambda.norpc" sam build --parameter-overrides "Arch=$arch"
# SAM publishes a new version of intake and api only where the template or the code is another one, not where
# a parameter has another value, and callers are given the version: so each deployment has code of its own.
for f in IntakeFunction ApiFunction; do date -u +%FT%TZ >".aws-sam/build/$f/deployed"; done
if [ -z "$kept" ]; then
	exec sam deploy --guided --parameter-overrides "Arch=$arch" Canary=true
elif [ "$kept" != "$arch" ]; then
	echo "Built for $arch: answer the same for Arch"
	exec sam deploy --guided
elif [ -n "${ASK:-}" ]; then
	exec sam deploy --guided
fi
exec sam deploy
