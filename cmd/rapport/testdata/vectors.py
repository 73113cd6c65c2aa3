"""Writes vectors.json: deliveries signed by each platform's scheme with Python's own hashes, so that
what the tests compare with was not computed by the code they test. Run it beside the file:

    python vectors.py > vectors.json

Ed25519 needs the package `cryptography`.
"""

import base64
import datetime
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AT = datetime.datetime(2026, 3, 29, 1, 0, 0, tzinfo=datetime.timezone.utc)  # when Europe's clocks change
STAMP = int(AT.timestamp())
KEY = "a-key-of-our-own-with-enough-letters"
BODY = json.dumps({"id": "9007199254740993", "text": "Größe 42 — « ça va ? » 👍\n<b>&amp;</b>"}, ensure_ascii=False)
URL = "https://hooks.example/hooks/app_1"


def mac(signed, key=KEY, algorithm="sha256", encoding="hex"):
    digest = hmac.new(key if isinstance(key, bytes) else key.encode(), signed.encode(), getattr(hashlib, algorithm)).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


vectors = []


def add(platform, headers, signed=BODY, expected="", secret=KEY, **more):
    vector = {"id": f"{platform}-{len(vectors)}", "platform": platform, "secret": secret, "method": "POST", "headers": headers,
              "body": BODY, "signed_string": signed, "expected": expected, "usable": True, "kind": "delivery", "valid": True}
    vectors.append(vector | more)


def at(seconds):
    return (AT + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


for platform, header, prefix, algorithm, encoding in [
    ("discourse", "X-Discourse-Event-Signature", "sha256=", "sha256", "hex"),
    ("github", "X-Hub-Signature-256", "sha256=", "sha256", "hex"),
    ("intercom", "X-Hub-Signature", "sha1=", "sha1", "hex"),
    ("mastodon", "X-Hub-Signature", "sha256=", "sha256", "hex"),
    ("meta", "X-Hub-Signature-256", "sha256=", "sha256", "hex"),
    ("shopify", "X-Shopify-Hmac-Sha256", "", "sha256", "base64"),
    ("typeform", "Typeform-Signature", "sha256=", "sha256", "base64"),
    ("x", "x-twitter-webhooks-signature", "sha256=", "sha256", "base64"),
    ("youtube", "X-Hub-Signature", "sha1=", "sha1", "hex"),
]:
    good = prefix + mac(BODY, algorithm=algorithm, encoding=encoding)
    add(platform, {header: good}, expected=good)
    other = prefix + mac(BODY, KEY + "x", algorithm, encoding)
    add(platform, {header: other}, expected=other, valid=False, notes="by another secret")

signed = "hmacsha256=" + BODY
add("linkedin", {"X-LI-Signature": mac(signed)}, signed, mac(signed))

signed = f"v0:{STAMP}:{BODY}"
slack = {"X-Slack-Request-Timestamp": str(STAMP), "X-Slack-Signature": "v0=" + mac(signed)}
add("slack", slack, signed, "v0=" + mac(signed), at=at(0))
add("slack", slack, signed, "v0=" + mac(signed), at=at(299))
add("slack", slack, signed, "v0=" + mac(signed), at=at(301), valid=False, notes="stale")
add("slack", slack, signed, "v0=" + mac(signed), at=at(-301), valid=False, notes="of the future")

signed = f"{STAMP}.{BODY}"
add("stripe", {"Stripe-Signature": f"t={STAMP},v1={mac(signed)}"}, signed, mac(signed), at=at(0))
add("stripe", {"Stripe-Signature": f"t={STAMP},v1={mac(signed, 'old')},v1={mac(signed)},v0=x"}, signed, mac(signed), at=at(0), notes="during a rotation")
add("stripe", {"Stripe-Signature": f"t={STAMP},v0={mac(signed)}"}, signed, mac(signed), at=at(0), valid=False, notes="an old scheme alone")
add("tiktok", {"TikTok-Signature": f"t={STAMP},s={mac(signed)}"}, signed, mac(signed), at=at(0))

signed = f"{at(0)}{BODY}"
add("zendesk", {"X-Zendesk-Webhook-Signature-Timestamp": at(0), "X-Zendesk-Webhook-Signature": mac(signed, encoding="base64")}, signed, mac(signed, encoding="base64"), at=at(0))

signed = f"POST{URL}{BODY}{STAMP}000"
add("hubspot", {"X-HubSpot-Request-Timestamp": f"{STAMP}000", "X-HubSpot-Signature-v3": mac(signed, encoding="base64")}, signed, mac(signed, encoding="base64"), at=at(0), url=URL)

raw = bytes(range(24))
whsec = "whsec_" + base64.b64encode(raw).decode()
signed = f"msg_1.{STAMP}.{BODY}"
good = "v1," + mac(signed, raw, encoding="base64")
standard = {"webhook-id": "msg_1", "webhook-timestamp": str(STAMP)}
for platform in ["standard", "bluesky"]:
    add(platform, standard | {"webhook-signature": good}, signed, good, whsec, at=at(0))
add("standard", standard | {"webhook-signature": "v1,AAAA " + good}, signed, good, whsec, at=at(0), notes="during a rotation")
add("standard", standard | {"webhook-id": "msg_2", "webhook-signature": good}, signed, good, whsec, at=at(0), valid=False, notes="another id")

signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
public = signer.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
signed = f"{STAMP}{BODY}"
good = signer.sign(signed.encode()).hex()
add("discord", {"X-Signature-Timestamp": str(STAMP), "X-Signature-Ed25519": good}, signed, good, public, at=at(0))
add("discord", {"X-Signature-Timestamp": str(STAMP + 1), "X-Signature-Ed25519": good}, signed, good, public, at=at(0), valid=False, notes="another time")

print(json.dumps({"note": "written by vectors.py", "vectors": vectors}, indent=1, ensure_ascii=False))
