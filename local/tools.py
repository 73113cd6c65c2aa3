"""Installs tools, pinned, into the user's cache, and prints their folder; its bin holds them.

    tools.py         the local cloud's: the emulator, sam and boto3
    tools.py test    what only `make check`, `make test` and `make lint` use
    tools.py lint    checkov, which looks for unsafe settings, and is large

Nothing is written outside the cache (XDG_CACHE_HOME or ~/.cache, folder rapport), nothing
system-wide. The folder's name is a hash of what is pinned, the Python version and the machine, so a
second clone finds it ready and another pin gets a new one. Runs on any Python 3; needs 3.10 for
what it installs.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KIND = sys.argv[1] if len(sys.argv) > 1 else "cloud"
LOCK = os.path.join(HERE, {"cloud": "requirements", "test": "schemathesis", "lint": "lint"}[KIND] + ".lock")
GO_TOOLS = {"test": [
    "honnef.co/go/tools/cmd/staticcheck@v0.8.2",  # release 2026.2.2
    "github.com/oasdiff/oasdiff@v1.32.1",
    "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2",
]}.get(KIND, [])
WHAT = {"cloud": "the local cloud's tools, 370 MB", "test": "what the tests need", "lint": "checkov, 300 MB"}[KIND]



def die(message):
    sys.exit("rapport: " + message)


def say(message):
    print(message, file=sys.stderr, flush=True)


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "rapport")


def key():
    digest = hashlib.sha256()
    with open(LOCK, "rb") as f:
        digest.update(f.read())
    digest.update(repr((KIND, sys.version_info[:2], sys.platform, platform.machine(), GO_TOOLS)).encode())
    return digest.hexdigest()[:16]


def run(command, log, env=None):
    """Runs a command into the log, with a dot each ten seconds; on failure shows the log's end and stops."""
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env)
        waited = False
        while True:
            try:
                code = process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                print(".", end="", file=sys.stderr, flush=True)
                waited = True
        if waited:
            say("")
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
    if GO_TOOLS and not shutil.which("go"):
        die("Go is missing; install Go 1.26 or later from https://go.dev/dl")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    log = os.path.join(folder, "install.log")
    began = time.monotonic()
    say("Installing %s, once, into %s" % (WHAT, folder))
    # The tests' Python stays off the PATH, where the local cloud's is.
    environment = os.path.join(folder, "python") if KIND == "test" else folder
    run([sys.executable, "-m", "venv", environment], log)
    # The lock file is complete; resolving again trips over extras ("boto3[crt]") with hashes.
    # Most of its modules are never imported: they need not be compiled beforehand.
    run([os.path.join(environment, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--progress-bar", "off",
         "--no-compile", "--no-deps", "--require-hashes", "-r", LOCK], log)
    say("  Python packages are there after %.0f s" % (time.monotonic() - began))
    if KIND == "test":
        os.makedirs(os.path.join(folder, "bin"))
        os.symlink(os.path.join(environment, "bin", "schemathesis"), os.path.join(folder, "bin", "schemathesis"))
    for tool in GO_TOOLS:
        run(["go", "install", tool], log, dict(os.environ, GOBIN=os.path.join(folder, "bin"), GOFLAGS="", GOWORK="off"))
        say("  %s is there after %.0f s" % (tool.split("@")[0].split("/")[-1], time.monotonic() - began))
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
