"""Starts, fills and stops a local cloud: the emulator with this template deployed to it.

    cloud.py up      [--name run] [--port 4566]   start and deploy what has changed
    cloud.py stop    [--name run]                 stop; the state stays
    cloud.py reset   [--name run]                 stop and forget everything
    cloud.py logs    [--name run] [--follow]      the functions' logs
    cloud.py status  [--name run]
    cloud.py env     [--name run]                 shell assignments for programs that use it
    cloud.py exec    [--name run] -- COMMAND ...  run a command with them
    cloud.py with    [--name test] [--port 4577] [--bare] -- COMMAND ...  the same on a new cloud, stopped
                     afterwards; a bare one has nothing deployed to it, and asks for no permissions
    cloud.py variables [--name run] --function F  a function's environment, for sam local invoke

Each cloud has a name, a port on 127.0.0.1 and a folder .local/<name>, so several run side by
side. What a program needs to know about it is in .local/<name>/stack.json. Runs in the
environment that tools.py installs.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
STACK = "rapport"
POLL_ALLOW = "127.0.0.1:4719"  # where the end-to-end tests serve what is polled
REGION = "us-east-1"
MAIL_FROM = "rapport@example.com"
CODE_BUCKET = "rapport-code"
WEIGHTS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "rapport", "e5-small-q4.bin")  # where weights.py puts them
CONCURRENCY = 16  # processes of functions at once, about 20 MB each
START_SECONDS, STOP_SECONDS = 60, 30

# What the build reads; a change in any of it means build and deploy again.
SOURCES = ["functions", "internal", "models", "go.mod", "go.sum", "template.yaml", "samconfig.toml",
           "local/cloud.py", "local/build.sh", "local/fixups.py"]


def die(message):
    sys.exit("rapport: " + message)


def say(message):
    print(message, flush=True)


class Cloud:
    """The folder, port and environment of one local cloud."""

    def __init__(self, name, port=None):
        self.name = name
        self.folder = os.path.join(ROOT, ".local", name)
        self.pid_file = os.path.join(self.folder, "pid")
        self.stack_file = os.path.join(self.folder, "stack.json")
        self.log_file = os.path.join(self.folder, "cloud.log")
        self.started_file = os.path.join(self.folder, "started.json")
        self.port_file = os.path.join(self.folder, "port")
        self.port = port or int(read(self.port_file) or 4566)

    @property
    def endpoint(self):
        return "http://localhost:%d" % self.port

    @property
    def base_url(self):
        return "http://127.0.0.1:%d" % self.port

    def credentials(self):
        """What AWS clients need to reach this cloud, and nothing of the user's own."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def environment(self, **more):
        """The caller's environment without its AWS settings, with this cloud's."""
        own = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {**own, **self.credentials(), **more}

    def session(self):
        import boto3

        for key in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[key]
        os.environ.update(self.credentials())
        return boto3.Session(region_name=REGION)

    def pid(self):
        """The emulator's process id if it is running, else None."""
        text = read(self.pid_file)
        if not text:
            return None
        shown = subprocess.run(["ps", "-o", "command=", "-p", text], capture_output=True, text=True)
        return int(text) if "launch.py" in shown.stdout else None

    @contextlib.contextmanager
    def locked(self):
        """Holds this cloud against a second command that would change it."""
        os.makedirs(self.folder, exist_ok=True)
        with open(self.folder + ".lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                die("another command is working on the local cloud %r; wait for it to end" % self.name)
            yield


def read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return ""


def write(path, text):
    """Writes a file whole: readers see the old text or the new."""
    temporary = path + ".new"
    with open(temporary, "w") as f:
        f.write(text)
    os.replace(temporary, path)


def healthy(port):
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d/_ministack/health" % port, timeout=3) as answer:
            return answer.status == 200
    except OSError:
        return False


def in_use(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def start(cloud, keep, bare=False):
    """Starts the emulator unless it is running as it would be started now.

    With keep its state outlives a stop, and a restart. A bare one asks for no permissions."""
    temporary = os.path.join(cloud.folder, "tmp")
    state = os.path.join(cloud.folder, "state")
    # A clean environment: the emulator hands its own to the functions.
    environment = {
        **cloud.credentials(),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": temporary,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",  # what LoggingConfig asks for; passed on to the functions
        "GATEWAY_PORT": str(cloud.port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "false" if bare else "true",
        "PERSIST_STATE": "1" if keep else "0",
        "S3_PERSIST": "1" if keep else "0",
        "STATE_DIR": state,
        "READER_WEIGHTS": WEIGHTS,  # the emulator unpacks no layers
        "S3_DATA_DIR": os.path.join(state, "s3"),
        "LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY),
    }
    launch = os.path.join(HERE, "launch.py")
    started_as = json.dumps([environment, sys.executable, read(launch)])
    if cloud.pid() and healthy(cloud.port) and read(cloud.started_file) == started_as:
        return
    stop(cloud)  # one that is outdated or does not answer
    if in_use(cloud.port):
        die("port %d is taken by another program; choose another with PORT=%d (tests: TEST_PORT)" % (cloud.port, cloud.port + 10))
    shutil.rmtree(temporary, ignore_errors=True)  # pid files and unpacked code of an earlier run
    os.makedirs(temporary)
    if not keep:
        shutil.rmtree(state, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.remove(cloud.stack_file)
    os.makedirs(state, exist_ok=True)
    write(cloud.started_file, started_as)
    began = time.monotonic()
    with open(cloud.log_file, "ab" if keep else "wb") as log:
        process = subprocess.Popen(
            [sys.executable, launch],
            cwd=temporary, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    write(cloud.pid_file, str(process.pid))
    write(cloud.port_file, str(cloud.port))
    while not healthy(cloud.port):
        if process.poll() is not None:
            last = (read(cloud.log_file).splitlines() or ["it printed nothing"])[-1]
            die("the local cloud stopped while starting: %s (log: %s)" % (last, cloud.log_file))
        if time.monotonic() - began > START_SECONDS:
            end(process.pid)
            die("the local cloud did not start within %d s; its log is %s" % (START_SECONDS, cloud.log_file))
        time.sleep(0.1)
    say("Local cloud %s is up on 127.0.0.1:%d (%.1f s)" % (cloud.name, cloud.port, time.monotonic() - began))


def end(pid):
    """Ends the emulator and its functions: asks, waits, then insists."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        try:
            os.kill(pid, number)
        except OSError:
            break
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and alive(pid):
            time.sleep(0.05)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)  # functions that outlived it


def alive(pid):
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def stop(cloud):
    pid = cloud.pid()
    if pid:
        end(pid)
    with contextlib.suppress(OSError):
        os.remove(cloud.pid_file)
    return bool(pid)


def fingerprint(cloud):
    """Hash of all that the deployment is made from."""
    digest = hashlib.sha256(("%s %d" % (platform.machine(), cloud.port)).encode())
    for source in SOURCES:
        top = os.path.join(ROOT, source)
        files = [top] if os.path.isfile(top) else []
        for folder, folders, names in os.walk(top):
            folders.sort()
            folders[:] = [f for f in folders if f != "testdata"]
            files += [os.path.join(folder, n) for n in sorted(names) if not n.endswith("_test.go")]
        for path in files:
            with open(path, "rb") as f:
                digest.update(os.path.relpath(path, ROOT).encode() + b"\0" + hashlib.sha256(f.read()).digest())
    return digest.hexdigest()


def work(title, command, environment, log):
    """Runs a command into a log, telling its title and how long it takes."""
    began = time.monotonic()
    print(title, end=" ", flush=True)
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            while True:
                try:
                    code = process.wait(timeout=10)
                    break
                except subprocess.TimeoutExpired:
                    print(".", end="", flush=True)
        except BaseException:
            process.terminate()
            raise
    say("(%.1f s)" % (time.monotonic() - began))
    if code:
        with open(log, errors="replace") as f:
            sys.stderr.write("".join(f.readlines()[-30:]))
        die("%s failed; all of its output is in %s" % (title.lower(), log))


def architecture():
    return "x86_64" if platform.machine() in ("x86_64", "AMD64") else "arm64"


def build(cloud):
    """Builds every function into .local/<name>/build, with the template beside them, as sam build would.

    One go build links all of them; sam build starts one for each, which takes nearly three times as long."""
    folder, built = os.path.join(cloud.folder, "build"), os.path.join(cloud.folder, "built")
    work("Building the functions", [os.path.join(HERE, "build.sh"), built], os.environ, os.path.join(cloud.folder, "build.log"))
    shutil.rmtree(folder, ignore_errors=True)
    for name in os.listdir(os.path.join(ROOT, "functions")):
        os.makedirs(os.path.join(folder, "functions", name))
        shutil.copy(os.path.join(built, name), os.path.join(folder, "functions", name, "bootstrap"))
    for name in ("api", "intake"):  # as deploy.sh does, which says why
        write(os.path.join(folder, "functions", name, "deployed"), time.strftime("%FT%TZ", time.gmtime()))
    work("Fetching the reader's weights", [sys.executable, os.path.join(HERE, "weights.py"), os.path.join(folder, "build", "reader")], os.environ, os.path.join(cloud.folder, "weights.log"))
    shutil.copy(os.path.join(ROOT, "template.yaml"), folder)
    return folder


def deploy(cloud):
    """Builds and deploys the template if anything it is made from has changed."""
    made_from = fingerprint(cloud)
    session = cloud.session()
    stack = json.loads(read(cloud.stack_file) or "{}")
    if stack.get("made_from") == made_from and deployed(session):
        say("Nothing has changed since the last deployment")
        return
    with contextlib.suppress(OSError):
        os.remove(cloud.stack_file)
    folder = build(cloud)
    with contextlib.suppress(session.client("s3").exceptions.BucketAlreadyOwnedByYou):
        session.client("s3").create_bucket(Bucket=CODE_BUCKET)
    sam = os.path.join(os.path.dirname(sys.executable), "sam")
    work("Deploying the stack",
         [sam, "deploy", "--config-file", os.path.join(ROOT, "samconfig.toml"), "--config-env", "local", "--template-file", os.path.join(folder, "template.yaml"),
          "--parameter-overrides", "Arch=" + architecture(), "Stage=local", "PublicUrl=" + cloud.base_url,
          "KeysRoot=" + cloud.endpoint, "MailFrom=" + MAIL_FROM, "PollAllow=" + POLL_ALLOW],
         cloud.environment(SAM_CLI_TELEMETRY="0"), os.path.join(cloud.folder, "deploy.log"))
    import fixups

    say("Applied %s" % fixups.apply(session, STACK))
    described = session.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}
    write(cloud.stack_file, json.dumps(description(cloud, outputs, made_from), indent=2) + "\n")


def deployed(session):
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        described = session.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    except (BotoCoreError, ClientError):
        return False
    return described[0]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def description(cloud, outputs, made_from):
    """What stack.json says: where the cloud is and what the deployed things are called."""
    functions = {k[: -len("Function")].lower(): v for k, v in outputs.items() if k.endswith("Function")}
    queues = {}
    for key, value in outputs.items():
        if key.endswith("QueueUrl"):
            queues[key[: -len("QueueUrl")].lower()] = value
        if key.endswith("DlqUrl"):
            queues[key[: -len("DlqUrl")].lower() + "_dlq"] = value
    return {
        "name": cloud.name,
        "stack": STACK,
        "base_url": cloud.base_url,
        "endpoint": cloud.endpoint,
        "region": REGION,
        "table": outputs["Table"],
        "bucket": outputs["Bucket"],
        "queues": queues,
        "functions": functions,
        "http_api_id": outputs["HttpApiId"],
        "user_pool_id": outputs["UserPoolId"],
        "client_id": outputs["UserPoolClientId"],
        "issuer": outputs["Issuer"],
        "jwks_url": outputs["JwksUrl"],
        "secrets_prefix": outputs["SecretsPrefix"],
        "erasure_key_secret": outputs["ErasureKeySecret"],
        "mail_from": MAIL_FROM,
        "made_from": made_from,
    }


def variables(cloud):
    return {**cloud.credentials(), "RAPPORT_STACK": cloud.stack_file}


def function_variables(cloud, name):
    """A deployed function's environment for `sam local invoke`, the cloud named as containers see it."""
    stack = json.loads(read(cloud.stack_file) or "{}")
    if name not in stack.get("functions", {}):
        die("no function %r is deployed; start the local cloud: make run" % name)
    client = cloud.session().client("lambda")
    deployed_as = client.get_function_configuration(FunctionName=stack["functions"][name])
    inside = "host.docker.internal:%d" % cloud.port
    values = {
        k: v.replace("localhost:%d" % cloud.port, inside).replace("127.0.0.1:%d" % cloud.port, inside)
        for k, v in deployed_as.get("Environment", {}).get("Variables", {}).items()
    }
    return {name.capitalize() + "Function": values}


def logs(cloud, follow):
    """Prints each function's log lines of the last quarter of an hour; with follow goes on."""
    if not cloud.pid():
        die("the local cloud %r is not running; start it with: make run" % cloud.name)
    client = cloud.session().client("logs")
    functions = json.loads(read(cloud.stack_file) or "{}").get("functions", {})
    names = {"/rapport/%s/%s" % (STACK, name): name for name in functions}
    groups = {g["logGroupName"]: names[g["logGroupName"]] for g in client.describe_log_groups()["logGroups"] if g["logGroupName"] in names}
    since, seen = int((time.time() - 900) * 1000), set()
    while True:
        events = []
        for group, name in groups.items():
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
                events += [(e["timestamp"], name, e["message"].rstrip()) for e in page["events"]]
        for event in sorted(events):
            moment, name, message = event
            if event not in seen and not message.startswith(("START ", "END ", "REPORT ")):
                say("%s %-8s %s" % (time.strftime("%H:%M:%S", time.localtime(moment / 1000)), name, message))
            seen.add(event)
        if not follow:
            break
        since = max([since] + [e[0] for e in events]) - 5000
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(prog="cloud.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["up", "stop", "reset", "logs", "status", "env", "variables", "exec", "with"])
    parser.add_argument("--name", default="run")
    parser.add_argument("--port", type=int)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--function", help="variables: of this function, say intake")
    given = sys.argv[1:]
    split = given.index("--") if "--" in given else len(given)
    arguments, command = parser.parse_args(given[:split]), given[split + 1:]
    if arguments.command in ("exec", "with") and not command:
        die("say which command to run, after --")
    cloud = Cloud(arguments.name, arguments.port)
    if arguments.command == "up":
        running = Cloud(arguments.name)
        if running.port != cloud.port and running.pid():
            die("the local cloud %r runs on port %d; stop it first: make stop" % (cloud.name, running.port))
        with cloud.locked():
            start(cloud, keep=True)
            deploy(cloud)
        say("API: %s/" % cloud.base_url)
    elif arguments.command == "with":
        with cloud.locked():
            stop(cloud)  # left by a run that was killed
            try:
                start(cloud, keep=False, bare=arguments.bare)
                if not arguments.bare:
                    deploy(cloud)
                code = subprocess.call(command, env=cloud.environment(**({} if arguments.bare else variables(cloud))))
            finally:
                stop(cloud)
        sys.exit(code)
    elif arguments.command == "stop":
        with cloud.locked():
            stopped = stop(cloud)
        say("Local cloud %s %s" % (cloud.name, "stopped" if stopped else "was not running"))
    elif arguments.command == "reset":
        with cloud.locked():
            stop(cloud)
            shutil.rmtree(cloud.folder, ignore_errors=True)
            say("Local cloud %s has forgotten everything" % cloud.name)
    elif arguments.command == "logs":
        logs(cloud, arguments.follow)
    elif arguments.command == "status":
        say("up on %s" % cloud.base_url if cloud.pid() and healthy(cloud.port) else "not running")
    elif arguments.command == "env":
        for key, value in variables(cloud).items():
            say("%s=%s" % (key, value))
    elif arguments.command == "variables":
        say(json.dumps(function_variables(cloud, arguments.function), indent=2))
    elif arguments.command == "exec":
        os.execvpe(command[0], command, cloud.environment(**variables(cloud)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("rapport: interrupted")
