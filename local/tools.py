"""Installs the tools of the local cloud, pinned, into the user's cache.

Prints the virtual environment's directory. Nothing is written outside the cache
(XDG_CACHE_HOME or ~/.cache, folder rapport), nothing system-wide. The folder's name is a
hash of the lock file, the Python version and the machine, so a second clone finds it ready
and a changed lock file gets a new one. Runs on any Python 3; needs 3.10 for what it installs.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = sys.argv[1] if len(sys.argv) > 1 else "requirements"  # or lint: what looks for unsafe settings, and is large
LOCK = os.path.join(HERE, NAME + ".lock")
FUZZER_LOCK = os.path.join(HERE, "schemathesis.lock")  # apart, since it shares packages with the rest at other versions
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"  # release 2026.2.2
OASDIFF = "github.com/oasdiff/oasdiff@v1.32.1"
OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"


def die(message):
    sys.exit("rapport: " + message)


def say(message):
    print(message, file=sys.stderr, flush=True)


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "rapport")


def key():
    digest = hashlib.sha256()
    for lock in [LOCK, FUZZER_LOCK] if NAME == "requirements" else [LOCK]:
        with open(lock, "rb") as f:
            digest.update(f.read())
    digest.update(repr((sys.version_info[:2], sys.platform, platform.machine(), STATICCHECK, OASDIFF, OAPI_CODEGEN)).encode())
    return digest.hexdigest()[:16]


def run(command, log, env=None):
    """Runs a command into the log; on failure shows the log's end and stops."""
    with open(log, "ab") as out:
        code = subprocess.call(command, stdout=out, stderr=subprocess.STDOUT, env=env)
    if code:
        with open(log, errors="replace") as f:
            say("".join(f.readlines()[-15:]).rstrip())
        die("%s failed (exit %d); all of its output is in %s" % (os.path.basename(command[0]), code, log))


def install(folder):
    """Builds the environment in folder from nothing."""
    try:
        import ensurepip  # noqa: F401  (Debian ships venv without it)
        import venv  # noqa: F401
    except ImportError:
        die("Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv")
    local_cloud = NAME == "requirements"
    if local_cloud and not shutil.which("go"):
        die("Go is missing; install Go 1.26 or later from https://go.dev/dl")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    log = os.path.join(folder, "install.log")
    began = time.monotonic()
    say("Installing %s into %s (once; two or three minutes)" % ("the local cloud's tools" if local_cloud else "checkov", folder))
    run([sys.executable, "-m", "venv", folder], log)
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    # The lock file is complete; resolving again trips over extras ("boto3[crt]") with hashes.
    run(pip + ["--no-input", "--progress-bar", "off", "--no-deps", "--require-hashes", "-r", LOCK], log)
    say("  Python packages ready after %.0f s" % (time.monotonic() - began))
    if local_cloud:
        # In an environment of its own; what the tests start stands beside the other tools.
        fuzzer = os.path.join(folder, "schemathesis")
        run([sys.executable, "-m", "venv", fuzzer], log)
        run([os.path.join(fuzzer, "bin", "python")] + pip[1:] + ["--no-input", "--progress-bar", "off", "--no-deps", "--require-hashes", "-r", FUZZER_LOCK], log)
        os.symlink(os.path.join(fuzzer, "bin", "schemathesis"), os.path.join(folder, "bin", "schemathesis"))
        env = dict(os.environ, GOBIN=os.path.join(folder, "bin"), GOFLAGS="", GOWORK="off")
        for tool in STATICCHECK, OASDIFF, OAPI_CODEGEN:
            run(["go", "install", tool], log, env)
        say("  Go tools ready after %.0f s" % (time.monotonic() - began))
    with open(os.path.join(folder, ".complete"), "w") as f:
        f.write("ok\n")


def main():
    if sys.version_info < (3, 10):
        die("Python 3.10 or later is needed, this is %s" % platform.python_version())
    try:
        import fcntl
    except ImportError:
        die("Linux, macOS or WSL is needed")
    folder = os.path.join(cache_root(), key())
    stamp = os.path.join(folder, ".complete")
    if not os.path.exists(stamp):
        os.makedirs(cache_root(), exist_ok=True)
        with open(folder + ".lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("Waiting for another installation of the same tools")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(stamp):
                install(folder)
    print(folder)


if __name__ == "__main__":
    main()
