#!/usr/bin/env bash
# Runs one function in Docker with its sample event: invoke.sh Intake [PORT].
#
# Works without internet: the base image is made here from busybox. The function reaches the
# running local cloud (make run) as host.docker.internal. Ends with an error when the function
# answers one, which `sam local invoke` alone does not. EVENT=file gives another event.
set -euo pipefail
cd "$(dirname "$0")/.."
function=${1:-} port=${2:-4566}

die() { echo "rapport: $*" >&2; exit 1; }

[ -n "$function" ] || die "say which function: make invoke FN=Intake"
key=$(tr '[:upper:]' '[:lower:]' <<<"${function%Function}")
[ -d "functions/$key" ] || die "there is no function $function; there are: $(ls functions | tr '\n' ' ')"
event=${EVENT:-events/$key.json}
[ -f "$event" ] || die "there is no event $event"
command -v docker >/dev/null || die "Docker is missing; on Debian: apt-get install docker.io containerd runc iptables busybox-static"
docker info >/dev/null 2>&1 || die "Docker's daemon can't be reached; start it (systemctl start docker, or dockerd &)"
[ "$(python local/cloud.py status --name run)" = "up on http://127.0.0.1:$port" ] || die "the local cloud is not running on port $port; start it: make run PORT=$port"

# The base image: a shell, certificates and the cloud's address, which no function declares.
image=rapport/lambda-base:$port
if ! docker image inspect "$image" >/dev/null 2>&1; then
  busybox=$(command -v busybox) || die "busybox is missing; on Debian: apt-get install busybox-static"
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  mkdir -p "$root"/{bin,etc/ssl/certs,tmp,var/task,var/runtime,var/rapid,opt/extensions}
  chmod 1777 "$root/tmp"
  cp "$busybox" "$root/bin/busybox"
  for name in sh mv chmod cp rm; do ln -s busybox "$root/bin/$name"; done
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  tar -C "$root" -c . | docker import --change 'ENV PATH=/usr/bin:/bin' --change 'WORKDIR /var/task' \
    --change "ENV AWS_ENDPOINT_URL=http://host.docker.internal:$port" - "$image" >/dev/null
  rm -rf "$root"
fi

arch=arm64
[ "$(uname -m)" != x86_64 ] || arch=x86_64
work=.local/run/invoke
mkdir -p "$work"
python local/cloud.py variables --name run --function "$key" >"$work/env.json"

# The cloud listens on 127.0.0.1 only; where containers see the host at a bridge's address, carry
# their connections from there.
host=$(docker run --rm --add-host host.docker.internal:host-gateway "$image" /bin/busybox grep host.docker.internal /etc/hosts | cut -f1)
python local/forward.py "$host" "$port" &
forwarder=$!
trap 'kill $forwarder 2>/dev/null || true' EXIT

# Dummy keys are looked up before each run; one try is enough.
AWS_MAX_ATTEMPTS=1 SAM_CLI_TELEMETRY=0 python local/cloud.py exec --name run -- \
  sam local invoke "${key^}Function" --template .local/run/build/template.yaml --event "$event" \
  --parameter-overrides "Arch=$arch" --env-vars "$work/env.json" --skip-pull-image --invoke-image "$image" \
  --add-host host.docker.internal:host-gateway | tee "$work/answer"
echo
[ -s "$work/answer" ] || die "the function did not answer"
if grep -q '"errorType"' "$work/answer"; then die "the function answered an error"; fi
