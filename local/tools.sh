#!/usr/bin/env bash
# Installs pinned tools if they are not there yet and prints their folder: the local cloud's, or "test" or "lint".
set -euo pipefail
command -v python3 >/dev/null || { echo "rapport: Python 3 is missing; install Python 3.10 or later (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2; exit 1; }
exec python3 "$(dirname "$0")/tools.py" "$@"
