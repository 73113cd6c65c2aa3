"""Tests of the demo data: python3 -m unittest local/test_demo_data.py, from the project's root."""

import bisect
import calendar
import datetime
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import demo_data  # noqa: E402

FROM = datetime.datetime(2026, 10, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
TO = datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


def words(text):
    """A text as compared: its words in lower case."""
    return " ".join(re.findall(r"\w+", text.lower()))


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def first_of_each(items):
    """The items without redelivered ones."""
    seen = {}
    for r in items:
        seen.setdefault(r["id"], r)
    return list(seen.values())


def meta_events(body):
    """(parts of the key, seconds since 1970, text) of each activity of a delivery of Meta's."""
    for entry in body["entry"]:
        for change in entry.get("changes", ()):
            v = change["value"]
            if v["verb"] == "hide":
                continue
            if change["field"] == "ratings":
                key = ("recommend" if v["recommendation_type"] == "POSITIVE" else "review", v["open_graph_story_id"])
            elif v["item"] == "reaction":
                key = ("un" * (v["verb"] == "remove") + "react", v["from"]["id"], v.get("comment_id") or v["post_id"], v["reaction_type"])
            else:
                kind = {"edited": "edit", "remove": "delete", "add": "reply" if v["item"] == "comment" else "post"}[v["verb"]]
                key = (kind, v["comment_id"] if v["item"] == "comment" else v["post_id"])
            yield ("meta", entry["id"], *key, v["created_time"]), v["created_time"], v.get("message") or v.get("review_text", "")
        for m in entry.get("messaging", ()):
            yield ("meta", entry["id"], "message", m["message"]["mid"], m["timestamp"]), m["timestamp"] / 1000, m["message"]["text"]


def forum_events(body):
    for e in body["events"]:
        if MAPPING["type"]["map"][e["kind"]]:
            yield ("standard", e["board"]["id"], e["kind"], e["event_id"], e["at"]), datetime.datetime.fromisoformat(e["at"]).timestamp(), e.get("text", "")


def survey_events(body):
    r = body["form_response"]
    text = "".join(a["text"] for a in r["answers"] if a["type"] == "text")
    yield ("typeform", r["form_id"], "review", r["token"], r["submitted_at"]), datetime.datetime.fromisoformat(r["submitted_at"]).timestamp(), text


with open(os.path.join(HERE, "demo", "community.mapping.json"), encoding="utf-8") as f:
    MAPPING = json.load(f)["mapping"]


def all_events(files):
    read = {"meta": meta_events, "standard": forum_events, "typeform": survey_events}
    return [e for platform, events in read.items() for r in rows(files[platform + ".jsonl"]) for e in events(r["body"])]


class DemoData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files, cls.truth = demo_data.generate()
        cls.meta, cls.standard, cls.survey = (rows(cls.files[p + ".jsonl"]) for p in ("meta", "standard", "typeform"))
        cls.events = all_events(cls.files)
        cls.said = [(p, id, m) for p, messages in cls.truth["messages"].items() for id, m in messages.items()]
        cls.sentences = demo_data.read_sentences(os.path.join(HERE, "demo", "sentences.txt"))

    def test_so_many_distinct_activities(self):
        keys = {key for key, _, _ in self.events}
        counted = {p: sum(k[0] == p for k in keys) for p in demo_data.TARGET}
        self.assertEqual(counted, {"meta": 1200, "standard": 960, "typeform": 60})
        self.assertEqual(len({k[3] for k in keys if k[0] == "standard"}), 960)  # an event's id is its own
        self.assertEqual(self.truth["activities"]["by_platform"], counted)
        self.assertEqual(sum(self.truth["activities"]["by_type"].values()), 2220)
        self.assertEqual(self.truth["activities"]["distinct"], 2220)

    def test_all_lie_in_the_month(self):
        times = [t for _, t, _ in self.events]
        self.assertGreaterEqual(min(times), FROM.timestamp())
        self.assertLess(max(times), TO.timestamp())
        self.assertLess(min(times) - FROM.timestamp(), 86_400)
        self.assertLess(TO.timestamp() - max(times), 86_400)

    def test_wall_clock_across_the_end_of_summer_time(self):
        cases = [  # day, hour, instant
            (0, 0, "2026-10-05T00:00:00.000+02:00"),
            (20, 1, "2026-10-25T01:00:00.000+02:00"),
            (20, 2, "2026-10-25T02:00:00.000+02:00"),
            (20, 3, "2026-10-25T03:00:00.000+01:00"),
            (21, 9, "2026-10-26T09:00:00.000+01:00"),
            (27, 23, "2026-11-01T23:00:00.000+01:00"),
        ]
        for day, hour, want in cases:
            ms = demo_data.instant(day, hour)
            self.assertEqual(demo_data.local_time(ms), want)
            self.assertEqual(datetime.datetime.fromisoformat(want).timestamp() * 1000, ms)
            self.assertEqual(demo_data.berlin(ms), (day, day % 7, hour))
        for utc, want in [((2027, 3, 28, 0, 59), 1), ((2027, 3, 28, 1, 0), 2), ((2027, 10, 31, 0, 59), 2), ((2027, 10, 31, 1, 0), 1), ((2028, 3, 26, 1, 0), 2)]:
            self.assertEqual(demo_data.offset(calendar.timegm(utc + (0,)) * 1000), want, utc)

    def test_weeks_later_only_the_instants_differ(self):
        weeks = 30  # the end is in summer then
        files, truth = demo_data.generate(weeks=weeks)
        moved = weeks * 7 * 86_400 - 3600
        self.assertEqual(truth["to"], "2027-05-31T00:00:00.000+02:00")
        events = all_events(files)
        self.assertEqual([(key[:-1], round(t * 1000), text) for key, t, text in events], [(key[:-1], round((t + moved) * 1000), text) for key, t, text in self.events])
        self.assertEqual({k: v for k, v in truth.items() if k not in ("from", "to")}, {k: v for k, v in self.truth.items() if k not in ("from", "to")})

    def test_same_bytes_whatever_the_hash_seed(self):
        sums = []
        for seed in ("0", "1", "4242"):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, os.path.join(HERE, "demo_data.py"), "--out", folder], check=True, env=os.environ | {"PYTHONHASHSEED": seed})
                h = hashlib.sha256()
                for name in sorted(os.listdir(folder)):
                    with open(os.path.join(folder, name), "rb") as f:
                        h.update(name.encode() + b"\0" + f.read())
                self.assertEqual(sorted(os.listdir(folder)), ["forged.jsonl", "meta.jsonl", "standard.jsonl", "truth.json", "typeform.jsonl", "unintelligible.jsonl"])
                sums.append(h.hexdigest())
        self.assertEqual(sums, sums[:1] * 3)

    def test_bodies_are_compact_and_escaped_as_their_platform_does(self):
        escapes = 0
        for name in self.files:
            for line in self.files[name].splitlines():
                raw = re.fullmatch(r'\{"id":"([\w-]+)","body":(.*)\}', line)[2]
                self.assertEqual(raw, json.dumps(json.loads(raw), ensure_ascii=name not in ("standard.jsonl", "typeform.jsonl"), separators=(",", ":")))
                if name not in ("standard.jsonl", "typeform.jsonl"):
                    self.assertTrue(raw.isascii())
                    escapes += raw.count("\\u")
                    self.assertNotRegex(raw, r"\\u[0-9a-f]{0,3}[A-F]")
        self.assertGreater(escapes, 50)
        self.assertFalse(self.files["standard.jsonl"].isascii())

    def test_some_come_again_with_the_same_bytes(self):
        for name, items in (("meta.jsonl", self.meta), ("standard.jsonl", self.standard), ("typeform.jsonl", self.survey)):
            bodies = {}
            for r in items:
                self.assertEqual(bodies.setdefault(r["id"], r["body"]), r["body"])
            self.assertEqual(len(items), self.truth["deliveries"][name]["lines"])
            again = len(items) - len(bodies)
            self.assertEqual(again, self.truth["deliveries"][name]["redelivered"])
            self.assertAlmostEqual(again / len(bodies), 0.03, delta=0.005 if len(bodies) > 100 else 0.02)

    def test_a_tenth_comes_out_of_order(self):
        for items in (self.meta, self.standard):
            numbers = [int(r["id"].split("-")[1]) for r in first_of_each(items)]
            tails = []  # longest run of increasing numbers, by patience
            for n in numbers:
                i = bisect.bisect_left(tails, n)
                tails[i : i + 1] = [n]
            share = 1 - len(tails) / len(numbers)
            self.assertGreater(share, 0.07)
            self.assertLess(share, 0.13)

    def test_some_come_before_what_they_are_about(self):
        created, early = set(), {"reply": 0, "edit": 0, "delete": 0}
        for r in first_of_each(self.meta):
            for entry in r["body"]["entry"]:
                for change in entry.get("changes", ()):
                    v = change["value"]
                    if change["field"] != "feed" or v["item"] == "reaction" or v["verb"] == "hide":
                        continue
                    id = v["comment_id"] if v["item"] == "comment" else v["post_id"]
                    if v["verb"] == "add":
                        early["reply"] += v["item"] == "comment" and v["parent_id"] not in created
                        created.add(id)
                    else:
                        early["edit" if v["verb"] == "edited" else "delete"] += id not in created
        self.assertGreaterEqual(early["reply"], 5)
        self.assertGreaterEqual(early["edit"], 3)
        self.assertGreaterEqual(early["delete"], 3)

    def test_everything_replied_to_edited_or_deleted_exists(self):
        said, meant = set(), set()
        for r in self.meta:
            for entry in r["body"]["entry"]:
                for change in entry.get("changes", ()):
                    v = change["value"]
                    if change["field"] == "feed" and v["item"] != "reaction" and v["verb"] == "add":
                        said.add(v.get("comment_id") or v["post_id"])
                    if change["field"] == "feed":
                        meant.update(v[k] for k in ("post_id", "comment_id", "parent_id") if k in v)
        for r in self.standard:
            for e in r["body"]["events"]:
                if e["kind"] in ("thread.opened", "question.asked", "reply.created", "recommendation.given", "review.written"):
                    said.add(e["subject"]["id"])
                elif e["kind"].startswith(("entry.", "reaction.")):
                    meant.add(e["subject"]["id"])
                if "reply_to" in e:
                    meant.add(e["reply_to"])
        stories = {c["value"]["open_graph_story_id"] for r in self.meta for e in r["body"]["entry"] for c in e.get("changes", ()) if c["field"] == "ratings"}
        self.assertEqual(meant - said - stories, set())

    def test_every_meta_delivery_has_its_shape(self):
        seen = set()
        several_entries = several_changes = 0
        for r in self.meta:
            self.assertEqual(set(r["body"]), {"object", "entry"})
            self.assertEqual(r["body"]["object"], "page")
            several_entries += len(r["body"]["entry"]) > 1
            for entry in r["body"]["entry"]:
                self.assertEqual(entry["id"], demo_data.PAGE)
                several_changes += len(entry.get("changes", ())) > 1
                for change in entry.get("changes", ()):
                    v = change["value"]
                    self.assertIsInstance(v["created_time"], int)
                    seen.add((change["field"], v["item"], v["verb"]))
                    if v["item"] == "comment" and v["verb"] != "hide":
                        self.assertTrue({"from", "post_id", "comment_id", "parent_id"} <= set(v))
                        self.assertEqual(v["post_id"].split("_")[1], v["comment_id"].split("_")[0])
        self.assertGreater(several_entries, 10)
        self.assertGreater(several_changes, 10)
        self.assertTrue({("feed", "status", "add"), ("feed", "post", "add"), ("feed", "comment", "add"), ("feed", "comment", "edited"), ("feed", "comment", "remove"),
                         ("feed", "reaction", "add"), ("feed", "reaction", "remove"), ("ratings", "rating", "add")} <= seen, seen)

    def test_the_mapping_knows_each_kind_of_the_forum(self):
        kinds = {e["kind"] for r in self.standard for e in r["body"]["events"]}
        self.assertEqual(kinds - set(MAPPING["type"]["map"]), set())
        self.assertEqual({k for k in kinds if not MAPPING["type"]["map"][k]}, {"badge.granted"})  # ignored on purpose
        wanted = {"thread.closed", "thread.reopened", "answer.accepted", "review.written", "thread.opened", "question.asked", "reply.created", "member.registered", "member.updated", "page.viewed", "order.placed", "topic.followed", "reaction.added", "entry.removed"}
        self.assertEqual(wanted - kinds, set())

    def test_truth_counts_what_the_files_hold(self):
        gone = {p: set(ids) for p, ids in self.truth["deleted_messages"].items()}
        authors, messages = {}, {}
        for r in first_of_each(self.meta):
            for entry in r["body"]["entry"]:
                for c in entry.get("changes", ()):
                    v = c["value"]
                    if v["verb"] == "add" and v["item"] != "reaction":
                        id = v.get("open_graph_story_id") or v.get("comment_id") or v["post_id"]
                        authors["meta", id] = v.get("reviewer_id") or v["from"]["id"]
                for m in entry.get("messaging", ()):
                    authors["meta", m["message"]["mid"]] = m["sender"]["id"]
        for r in first_of_each(self.standard):
            for e in r["body"]["events"]:
                if ("text" in e or "stars" in e) and not e["kind"].startswith(("entry.", "member.")):
                    authors["standard", e["subject"]["id"]] = e["member"]["id"]
        for r in self.survey:
            v = r["body"]["form_response"]
            authors["typeform", v["token"]] = "user:" + v["hidden"]["user_id"]
        self.assertEqual({(p, id) for p, id, _ in self.said} - set(authors), set())
        for platform, themes in self.truth["theme_of_message"].items():
            for id, theme in themes.items():
                if id not in gone[platform]:
                    messages[theme] = messages.get(theme, 0) + 1
                self.assertIn((platform, id), authors)
        one = {other: accounts[0] for accounts in self.truth["people"]["same_person"] for other in accounts[1:]}
        for theme, t in self.truth["themes"].items():
            who = {authors[p, id] for p, ids in self.truth["theme_of_message"].items() for id, x in ids.items() if x == theme and id not in gone[p]}
            self.assertEqual(t["messages"], messages[theme])
            self.assertEqual(t["messages"], sum(t["messages_by_week"]))
            self.assertEqual(t["accounts"], len(who))
            self.assertEqual(t["people"], len({one.get(w, w) for w in who}))
        self.assertEqual(self.truth["people"]["persons"], 320)

    def test_spikes_are_where_they_belong(self):
        late, crash = (self.truth["themes"][t]["people_by_week"] for t in ("late_delivery", "app_crash"))
        self.assertGreater(late[2], 2 * max(late[0], late[1], late[3]))
        self.assertGreater(crash[3], 3 * max(crash[:3]))

    def test_answers_take_a_lifelike_time(self):
        a = self.truth["answers"]
        self.assertGreater(a["median_response_seconds_asked_in_working_hours"], 30 * 60)
        self.assertLess(a["median_response_seconds_asked_in_working_hours"], 50 * 60)
        self.assertGreater(a["median_response_seconds"], a["median_response_seconds_asked_in_working_hours"])

    def test_each_theme_has_sentences_enough(self):
        for theme in demo_data.WEEKS:
            self.assertGreaterEqual(len({words(x) for x in self.sentences[theme]}), 25, theme)

    def test_customers_write_four_languages_and_are_answered_in_theirs(self):
        people = self.truth["people"]["by_language"]
        for language in ("de", "es", "pt"):
            self.assertAlmostEqual(people[language] / 320, 1 / 6, delta=0.01)
            for section, lines in self.sentences.items():
                own = [x for x in lines if demo_data.language_of(x)[0] == language]
                if section in demo_data.WEEKS:
                    self.assertGreaterEqual(len(own), 5, (section, language))
                elif section.startswith(("answer ", "sarcasm ", "help ")) or section in demo_data.KINDS and section not in ("competitor", "bot member", "spam"):
                    self.assertTrue(own, (section, language))
        texts = self.truth["languages"]
        for language in ("de", "es", "pt"):
            self.assertGreater(texts[language], 0.09 * sum(texts.values()))
        world = demo_data.World(demo_data.SEED, self.sentences).run()
        answers = [a for a in world.acts if a.parent and not a.inbound()]
        self.assertGreater(sum(a.parent.language != "en" for a in answers), 120)
        for a in answers:
            if a.parent.language != "en":
                own = [text for name, lines in self.sentences.items() if name.startswith("answer ") or name == "bot reply" for language, text in map(demo_data.language_of, lines) if language == a.parent.language]
                self.assertTrue(a.text.endswith(tuple(own)), a.text)

    def test_each_message_has_its_kind(self):
        kinds = self.truth["kinds"]
        self.assertEqual(sum(kinds.values()), len(self.said))
        at_least = {"problem": 200, "complaint": 80, "wish": 20, "question": 30, "purchase": 30, "churn": 10, "praise": 50, "recommendation": 10, "chatter": 60, "closing": 80,
                    "spam": 15, "automatic": 8, "mark": 10}
        self.assertEqual(set(kinds), set(at_least))
        for kind, n in at_least.items():
            self.assertGreaterEqual(kinds[kind], n, kind)
        self.assertGreaterEqual(self.truth["sarcastic"], 20)
        for _, _, m in self.said:
            if m["owed"]:
                self.assertIn(m["kind"], demo_data.ASKS)
                self.assertNotIn("deleted", m)
        theme = [m["kind"] for _, _, m in self.said if m.get("theme")]
        self.assertLessEqual(set(theme), demo_data.ASKS)

    def test_owed_is_what_was_not_answered_and_not_ended(self):
        person, helper, staff = (demo_data.Person(i, "P", "p", a, "en", 1) for i, a in enumerate(("customer", "customer", "company")))

        def act(type, at, by, id="", parent=None, section="", thread="t", **more):
            return demo_data.Act(at=at, platform="standard", type=type, person=by, object=id or type, thread=thread, parent=parent, section=section, **more)

        ask = act("post", 1, person, "ask", section="question")
        hint = act("reply", 2, helper, "hint", ask, "help")
        cases = [  # what follows, and what is owed then
            ([], {"ask"}),
            ([hint], {"ask"}),
            ([hint, act("reply", 3, person, "thanks", hint, "helped")], set()),
            ([hint, act("accept", 3, person, "hint", ask)], set()),
            ([hint, act("reply", 3, helper, "ok", hint, "helped")], {"ask"}),  # somebody else's word
            ([act("reply", 2, staff, "answer", ask)], set()),
            ([act("reply", 2, staff, "robot", ask, automatic=True)], {"ask"}),
            ([act("reply", 2, staff, "answer", ask), act("reply", 3, person, "no", ask, "followup_bad")], {"no"}),
            ([act("reply", 2, staff, "answer", ask), act("reply", 3, person, "ok", ask, "followup_ok")], set()),
            ([act("reply", 2, person, "more", ask, "late_delivery"), act("reply", 3, staff, "answer", ask)], set()),
            ([act("reply", 2, person, "never", ask, "nevermind")], set()),
            ([act("close", 2, staff)], set()),
            ([act("close", 2, staff, thread="another")], {"ask"}),
            ([act("close", 2, staff), act("reply", 3, person, "again", ask, "again")], {"again"}),
            ([act("close", 2, staff), act("reopen", 3, person)], {"ask"}),
            ([act("reply", 2, helper, "metoo", ask, "late_delivery"), act("reply", 3, staff, "answer", ask)], {"metoo"}),
        ]
        for what, want in cases:
            due, waiting = demo_data.owed([ask, *what])
            self.assertEqual((due, waiting), ({("standard", id) for id in want}, len(want)), [a.object for a in what])
        self.assertEqual(demo_data.owed([act("post", 1, person, section="praise"), act("post", 1, helper, "gone", section="question", deleted=True)]), (set(), 0))

    def test_about_a_fifth_of_the_messages_wait(self):
        owed = {(p, m["conversation"]) for p, _, m in self.said if m["owed"]}
        self.assertEqual(len(owed), self.truth["answers"]["waiting_at_end"])
        self.assertGreater(len(owed), 150)
        self.assertLess(len(owed), 300)
        for language in ("en", "de", "es", "pt"):
            self.assertGreater(sum(m["owed"] and m["language"] == language for _, _, m in self.said), 10, language)

    def test_marks_are_on_their_scale_and_go_with_what_is_said(self):
        marks = {}
        for r in self.survey:
            v = r["body"]["form_response"]
            scores = [a["number"] for a in v["answers"] if a["type"] == "number"]
            self.assertEqual(len(scores), 1)
            self.assertEqual({a["field"]["id"] for a in v["answers"]} - {f["id"] for f in v["definition"]["fields"]}, set())
            marks["typeform", v["token"]] = scores[0]
        for r in self.standard:
            for e in r["body"]["events"]:
                if "stars" in e:
                    self.assertEqual(e["kind"], "review.written")
                    marks["standard", e["subject"]["id"]] = e["stars"]
        self.assertEqual({(p, id): m["mark"] for p, id, m in self.said if "mark" in m}, marks)
        stars, scores = ([n for (p, _), n in marks.items() if p == platform] for platform in ("standard", "typeform"))
        self.assertEqual(set(stars), {1, 2, 3, 4, 5})
        self.assertLessEqual(set(scores), set(range(11)))
        self.assertIn(0, scores)
        good = {(p, id) for (p, id), n in marks.items() if n >= (4 if p == "standard" else 9)}
        for p, id, m in self.said:
            if "mark" in m and m["kind"] != "mark":
                self.assertEqual(m["kind"] in ("praise", "recommendation"), (p, id) in good)

    def test_machines_say_so(self):
        events = [e for r in first_of_each(self.standard) for e in r["body"]["events"] if e["kind"] != "badge.granted"]
        automated = [e for e in events if e.get("automated")]
        inbound = {e["subject"]["id"] for e in automated if e["member"]["role"] == "member"}
        self.assertEqual(inbound, {id for _, id, m in self.said if m.get("automatic")})
        self.assertGreater(len(automated) - len(inbound), 10)  # the company's own
        self.assertEqual({e["member"]["id"] for e in events if e["member"]["id"].startswith("u_bot")}, {"u_bot_1", "u_bot_2"})
        self.assertTrue(all(e.get("automated") for e in events if e["member"]["id"].startswith("u_bot")))

    def test_slots_are_all_filled(self):
        for _, _, text in self.events:
            self.assertNotRegex(text, r"[{}]|(^| )(de|es|pt): ")
        sentences = self.sentences
        used = {slot for lines in sentences.values() for x in lines for slot in re.findall(r"\{(.*?)\}", x)}
        self.assertEqual(used, {name[5:] for name in sentences if name.startswith("slot ")})

    def test_no_sentence_is_one_that_the_reader_was_trained_on(self):
        models = os.path.join(HERE, "..", "models")
        trained = set()
        for path in [os.path.join(models, "intents.tsv"), *glob.glob(os.path.join(models, "sentences", "*.tsv"))]:
            with open(path, encoding="utf-8") as f:
                trained |= {words(line.rstrip("\n").split("\t")[-1]) for line in f}
        self.assertGreater(len(trained), 1000)
        texts = {x: demo_data.language_of(x)[1] for lines in self.sentences.values() for x in lines} | {t: t for _, _, t in self.events}
        self.assertEqual([x for x, text in texts.items() if len(words(text).split()) > 2 and words(text) in trained], [])  # "Danke" and "ok" anybody says

    def test_forged_and_unintelligible_ones_are_apart(self):
        forged, strange = rows(self.files["forged.jsonl"]), rows(self.files["unintelligible.jsonl"])
        self.assertEqual((len(forged), len(strange)), (20, 6))
        self.assertEqual(self.truth["deliveries"]["unintelligible.jsonl"]["parked"], 6)
        ids = [r["id"] for r in first_of_each(self.meta) + first_of_each(self.standard) + first_of_each(self.survey) + forged + strange]
        self.assertEqual(len(ids), len(set(ids)))
        accounts = {id for people in self.truth["people"]["of_account"].values() for id in people}
        for r in forged:
            self.assertNotIn(r["body"]["entry"][0]["changes"][0]["value"]["from"]["id"], accounts)


if __name__ == "__main__":
    unittest.main()
