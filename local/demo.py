"""Fills a running local cloud with the demo and prints what came of it.

    cloud.py exec --name run -- python local/demo.py [--recent]

Makes a user and a workspace, connects three sources, posts a month of signed deliveries
(demo_data.py) through the real HTTP endpoint, waits until the queues are empty, finds the themes,
makes the last week's report, and prints a summary. Everything goes through the same API that a
front end uses. A second run finds the work done and only prints.

The month is October 2026; with --recent it is moved by whole weeks, so that it ends within the last
week and what the API shows without from and to is not empty.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3

import demo_data

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BIN = os.path.join(ROOT, "bin", "rapport")
EMAIL = "demo@example.com"
WORKSPACE, ZONE = "larkspoon", "Europe/Berlin"
WEEK = 7 * 86_400
WAIT_SECONDS = 900


def die(message):
    sys.exit("rapport: " + message)


def say(message):
    print(message, flush=True)


class Api:
    """The HTTP API as one user sees it."""

    def __init__(self, base, token):
        self.base, self.token = base, token

    def call(self, method, path, body=None, expect=(200, 201, 202)):
        request = urllib.request.Request(self.base + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, data = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, data = e.code, e.read()
        if status not in expect:
            die("%s %s answered %d: %s" % (method, path, status, data.decode(errors="replace")[:500]))
        try:
            return status, json.loads(data)
        except ValueError:
            return status, data.decode(errors="replace")

    def get(self, path, **query):
        query = {k: v for k, v in query.items() if v is not None}
        return self.call("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))[1]

    def all(self, path, **query):
        """Every item of a paged list."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return


def token(stack, state):
    """A token of the demo user, who is made where there is none."""
    cognito = boto3.client("cognito-idp")
    pool = stack["user_pool_id"]
    state.setdefault("password", secrets.token_urlsafe(18) + "aA1!")
    try:
        cognito.admin_create_user(UserPoolId=pool, Username=EMAIL, MessageAction="SUPPRESS",
                                  UserAttributes=[{"Name": "email", "Value": EMAIL}, {"Name": "email_verified", "Value": "true"}])
    except cognito.exceptions.UsernameExistsException:
        pass
    cognito.admin_set_user_password(UserPoolId=pool, Username=EMAIL, Password=state["password"], Permanent=True)
    answer = cognito.initiate_auth(ClientId=stack["client_id"], AuthFlow="USER_PASSWORD_AUTH",
                                   AuthParameters={"USERNAME": EMAIL, "PASSWORD": state["password"]})
    return answer["AuthenticationResult"]["AccessToken"]


def connect(api, state):
    """Makes the workspace and its three sources."""
    api.call("POST", "/v1/workspaces", {"id": WORKSPACE, "name": "Larkspoon", "time_zone": ZONE, "recipients": [EMAIL]}, expect=(201, 200, 409))
    have = {s["platform"]: s for s in api.all("/v1/workspaces/%s/sources" % WORKSPACE)}
    with open(os.path.join(HERE, "demo", "community.mapping.json")) as f:
        mapping = json.load(f)
    page = demo_data.PAGE
    for platform, body in {
        "meta": {"platform": "meta", "name": "Larkspoon's page", "scope": page, "secret": secrets.token_hex(16), "verify_token": secrets.token_hex(8)},
        "typeform": {"platform": "typeform", "name": "Survey after the box", "scope": demo_data.FORM, "secret": secrets.token_hex(16)},
        "standard": {"platform": "standard", "name": "Community", "scope": "*", "config": mapping, "secret": "whsec_" + base64_secret()},
    }.items():
        if platform in have and platform in state.get("hooks", {}):
            continue
        _, made = api.call("POST", "/v1/workspaces/%s/sources" % WORKSPACE, body)
        state.setdefault("hooks", {})[platform] = {"url": made["hook_url"], "secret": body["secret"]}


def base64_secret():
    import base64
    return base64.b64encode(secrets.token_bytes(24)).decode()


def recent():
    """How many weeks to move the month, so that its report, of Monday at 8, is due by now and is the last."""
    return max(0, int((time.time() - demo_data.END / 1000 - 8 * 3600) // WEEK))


class Month:
    """The instants of the demo's month, moved by whole weeks."""

    def __init__(self, weeks):
        moved = demo_data.later(weeks)
        self.first, self.last = (demo_data.START + moved) // 1000, (demo_data.END + moved) // 1000
        self.start, self.end = rfc3339(self.first), rfc3339(self.last)
        self.due = rfc3339(self.last + 8 * 3600)  # Monday, 08:00 in Berlin


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def day(seconds):
    t = time.gmtime(seconds)
    return "%d %s" % (t.tm_mday, time.strftime("%B %Y", t))


def send(folder, state, platform, name, secret=None, accepted=True):
    """Posts one file of deliveries; returns what `rapport send` counted."""
    hook = state["hooks"][platform]
    secret_file = os.path.join(folder, name + ".secret")
    with open(os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(secret or hook["secret"])
    command = [BIN, "send", "--platform", platform, "--secret-file", secret_file, "--url", hook["url"], "--concurrency", "8"]
    if platform == "standard":
        command += ["--config", os.path.join(HERE, "demo", "community.mapping.json")]
    say("posting %s …" % name)
    out = subprocess.run(command + [os.path.join(folder, name)], stdout=subprocess.PIPE, text=True)
    os.remove(secret_file)
    if out.returncode not in ((0,) if accepted else (1,)):
        die("rapport send ended with %d on %s" % (out.returncode, name))
    return json.loads(out.stdout.strip().splitlines()[-1])


def drained(stack):
    """Waits until nothing waits or is being worked on in any queue, and shows how much does."""
    sqs = boto3.client("sqs")
    names = ["deliveries", "scoring", "feedback"]
    quiet, start, shown = 0, time.time(), ""
    while quiet < 3:
        if time.time() - start > WAIT_SECONDS:
            die("the queues are not empty after %d minutes; see: make logs" % (WAIT_SECONDS // 60))
        left = {}
        for name in names:
            a = sqs.get_queue_attributes(QueueUrl=stack["queues"][name], AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"])["Attributes"]
            left[name] = sum(int(v) for v in a.values())
        quiet = quiet + 1 if not any(left.values()) else 0
        now = ", ".join("%s %d" % x for x in left.items())
        if now != shown:
            say("queues: " + now)
            shown = now
        time.sleep(1)
    for name in names:
        a = sqs.get_queue_attributes(QueueUrl=stack["queues"][name + "_dlq"], AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        if int(a["ApproximateNumberOfMessages"]):
            die("%s messages are in the dead-letter queue of %s; see: make logs" % (a["ApproximateNumberOfMessages"], name))


def invoke(stack, function, payload):
    """Calls a function and waits for its answer."""
    answer = boto3.client("lambda").invoke(FunctionName=stack["functions"][function], Payload=json.dumps(payload).encode())
    if answer.get("FunctionError"):
        die("%s failed: %s; see: make logs" % (function, answer["Payload"].read().decode()[:300]))


def confirm(stack):
    """Confirms for the demo's user that it wants reports, as the link of the mail that asks does."""
    invoke(stack, "report", {"tick": True})
    with urllib.request.urlopen(stack["base_url"] + "/_ministack/ses/messages") as answer:
        accounts = json.load(answer)["messages"]
    for mail in (m for mails in accounts.values() for m in mails):
        link = re.search(r"\S+/mail/confirm/%s\.\S+" % WORKSPACE, mail["BodyText"])
        if link and mail["To"] == [EMAIL]:
            urllib.request.urlopen(urllib.request.Request(link[0], method="POST")).close()
            return
    die("%s was not asked whether it wants reports; see: make logs" % EMAIL)


def fill(stack, api, state, folder):
    os.makedirs(folder, exist_ok=True)
    subprocess.run([sys.executable, os.path.join(HERE, "demo_data.py"), "--out", folder, "--weeks", str(state["weeks"])], check=True, stdout=subprocess.DEVNULL)
    start, month = time.time(), Month(state["weeks"])
    sums = {"accepted": 0, "refused": 0, "failed": 0}
    for platform, name, secret, ok in [("meta", "meta.jsonl", None, True), ("standard", "standard.jsonl", None, True), ("typeform", "typeform.jsonl", None, True),
                                       ("meta", "unintelligible.jsonl", None, True), ("meta", "forged.jsonl", "not the page's secret", False)]:
        counted = send(folder, state, platform, name, secret, ok)
        for k in sums:
            sums[k] += counted[k]
    drained(stack)
    say("finding the themes …")
    invoke(stack, "discover", {"workspace": WORKSPACE, "at": month.end})
    say("making the report of the last week …")
    confirm(stack)
    invoke(stack, "report", {"workspace": WORKSPACE, "report": "weekly", "due": month.due, "mail": True})
    state["sums"], state["seconds"] = sums, round(time.time() - start)


def duration(seconds):
    seconds = round(seconds)
    if seconds < 5400:
        return "%d min" % round(seconds / 60)
    return "%.1f h" % (seconds / 3600)


def median(figure):
    m = figure["median_seconds"] if isinstance(figure.get("median_seconds"), dict) else figure
    if not m.get("enough"):
        return "not enough data (%d of %d)" % (m["n"], m["needed"])
    value = m.get("value", m.get("median_seconds"))
    return "median %s (%s to %s), n = %d" % (duration(value), duration(m["low"]), duration(m["high"]), m["n"])


def summary(stack, api, state, folder):
    at = "/v1/workspaces/" + WORKSPACE
    parked = list(api.all(at + "/parked"))
    activities = sum(1 for _ in api.all(at + "/activities", limit=500))
    month = Month(state["weeks"])
    leads = api.get(at + "/leads", as_of=month.end, limit=5)["items"]
    window = {"from": month.start, "to": month.end}
    issues = api.get(at + "/issues", limit=5, **window)
    times = api.get(at + "/response-times", **window)
    runs = api.get(at + "/reports/weekly/runs")["items"]
    s = state["sums"]
    html = os.path.join(folder, "report.html")
    base = at + "/reports/weekly/runs/%s/" % urllib.parse.quote(month.due)
    for ending in ("html", "csv", "json"):
        body = api.get(base + ending)
        with open(os.path.join(folder, "report." + ending), "w") as f:
            f.write(body if isinstance(body, str) else json.dumps(body, indent=1))

    say("")
    say("Larkspoon, an invented meal-kit service: %s to %s" % (day(month.first + 43_200), day(month.last - 43_200)))
    say("  deliveries    %d accepted, %d refused (forged), %d parked" % (s["accepted"], s["refused"], len(parked)))
    say("  activities    %d" % activities)
    for reason in sorted({p["reason"] for p in parked})[:3]:
        say("                parked: " + reason)
    say("")
    say("Leads to call, as of %s" % month.end)
    for l in leads:
        say("  %10s  %s  %s (%s)" % (l["score"], l["grade"], l.get("name") or l.get("handle") or l["person"], l["platform"]))
        for reason in l["reasons"][:2]:
            say("              " + reason)
    say("")
    say("Top issues of the month, by people")
    for i in issues["items"] if "items" in issues else issues["issues"]:
        say("  %4d people  %s" % (i["people"], i["label"]))
    say("")
    say("Response times of the month")
    for name in ("per_pair", "per_message", "per_conversation"):
        say("  %-17s %s" % (name.replace("_", " "), median(times[name])))
    say("")
    say("Report        %s (%s, mailed to %d)" % (os.path.relpath(html), runs[0]["state"], runs[0].get("mailed", 0)))
    say("OpenAPI       %s/v1/openapi.yaml" % stack["base_url"])
    say("Mail          %s/_ministack/ses/messages" % stack["base_url"])
    token_file = os.path.join(folder, "token")
    with open(os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(api.token)
    say("Try it        curl -H \"Authorization: Bearer $(cat %s)\" '%s%s/leads?limit=3&as_of=%s'" % (os.path.relpath(token_file), stack["base_url"], at, month.end))
    say("              (the token is good for an hour; `make run` again makes a new one)")
    if state["weeks"] < recent():
        say("              Without from and to the API shows the last 28 days; this month is older: say from=%s&to=%s," % (month.start, month.end))
        say("              or make it anew, up to last Sunday: make reset, make run")


def main():
    if sys.argv[1:] not in ([], ["--recent"]):
        sys.exit(__doc__.strip())
    path = os.environ.get("RAPPORT_STACK")
    if not path or not os.path.exists(path):
        die("no local cloud: start it with: make run")
    with open(path) as f:
        stack = json.load(f)
    folder = os.path.join(os.path.dirname(path), "demo")
    state_file = os.path.join(os.path.dirname(path), "demo.json")
    state = {}
    if os.path.exists(state_file):
        with open(state_file) as f:
            state = json.load(f)
    if state.get("pool") != stack["user_pool_id"]:
        state = {"pool": stack["user_pool_id"]}  # another cloud than the one that was filled

    state.setdefault("weeks", recent() if "--recent" in sys.argv else 0)

    def keep():
        with open(os.open(state_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            json.dump(state, f)

    api = Api(stack["base_url"], token(stack, state))
    keep()
    if "sums" not in state:
        connect(api, state)
        keep()
        fill(stack, api, state, folder)
        keep()
    summary(stack, api, state, folder)


if __name__ == "__main__":
    main()
