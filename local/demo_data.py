"""Writes a month of invented social activity, as the platforms would deliver it.

    demo_data.py --out DIR [--seed N] [--weeks N]

The company is Larkspoon, an invented meal-kit service; its customers, a competitor and all texts
(demo/sentences.txt) are invented too. The month runs from Monday 5 October 2026, 00:00, to Sunday
1 November 2026, 24:00, in Europe/Berlin, where summer time ends on 25 October. The same seed
gives the same bytes, on any machine; --weeks moves all of it that much later.

    meta.jsonl            feed, ratings and messages of a Facebook Page; app platform "meta"
    standard.jsonl        a community forum's own webhook, mapped by demo/community.mapping.json
    typeform.jsonl        answers to a survey after the box: a net promoter score, and mostly words
    forged.jsonl          platform "meta", to be signed with a wrong secret: all are refused
    unintelligible.jsonl  platform "meta", rightly signed: each is accepted and parked
    truth.json            what the generator knows: counts, themes, people, response times, and of
                          each message of a customer's what it is and whether an answer is owed

Half of the people write English; a sixth each German, Spanish and Portuguese. They are answered in
their language.

Each line is {"id", "body"}: one delivery, to be posted in the order of the file with the body's
bytes as they are. Some deliveries come twice under the same id, some out of order: edits and
deletions before what they are about, replies before their parents. The activities lie in the
past of November 2026; posted earlier they would be parked as dated ahead.
"""

import argparse
import bisect
import calendar
import copy
import hashlib
import heapq
import itertools
import json
import math
import os
import random
import re
import time
import unicodedata
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20261005
PAGE, PAGE_NAME = "104881207743360", "Larkspoon"
BOARD = "larkspoon-square"
FORM = "Ls7nPsQ2"
TARGET = {"meta": 1200, "standard": 960, "typeform": 60}  # distinct activities
LANGUAGES = ("en", "de", "en", "es", "en", "pt")  # of the people, in turn
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds

START = calendar.timegm((2026, 10, 4, 22, 0, 0)) * 1000  # 5 October, 00:00 at UTC+2
END = calendar.timegm((2026, 11, 1, 23, 0, 0)) * 1000  # 1 November, 24:00 at UTC+1
WINTER = calendar.timegm((2026, 10, 25, 1, 0, 0)) * 1000  # from here on UTC+1
WEEK = 7 * DAY

# Messages per theme and week.
WEEKS = {
    "late_delivery": (8, 9, 38, 12),
    "app_crash": (2, 3, 4, 34),
    "double_charge": (8, 9, 10, 9),
    "cancel_pause": (9, 8, 11, 9),
    "missing_items": (12, 11, 14, 10),
    "packaging_waste": (9, 8, 6, 5),
    "vegan_choice": (10, 9, 8, 7),
    "portion_size": (6, 7, 6, 6),
    "support_wait": (5, 6, 16, 12),
    "login_code": (4, 4, 5, 9),
    "price_rise": (3, 16, 10, 6),
    "teams_integration": (7, 9, 8, 8),
}
OTHER = {
    "praise": (17, 16, 13, 16),
    "question": (11, 11, 9, 10),
    "chitchat": (15, 15, 14, 16),
    "recipe_note": (5, 5, 4, 5),
    "churn": (1, 4, 7, 5),
    "champion": (4, 4, 3, 4),
    "spam": (5, 6, 5, 6),
    "jobs": (2, 3, 2, 2),
    "competitor": (1, 2, 2, 1),
}
# What the messages of a section are.
KINDS = {
    section: kind
    for kind, sections in {
        "problem": ("late_delivery", "app_crash", "double_charge", "cancel_pause", "missing_items", "login_code", "followup_bad", "again"),
        "complaint": ("packaging_waste", "portion_size", "support_wait", "price_rise"),
        "wish": ("vegan_choice",),
        "question": ("question", "jobs"),
        "purchase": ("teams_integration", "teams_followup"),
        "churn": ("churn",),
        "praise": ("praise",),
        "recommendation": ("champion",),
        "chatter": ("chitchat", "recipe_note", "competitor", "help"),
        "closing": ("followup_ok", "teams_close", "helped", "nevermind"),
        "spam": ("spam",),
        "automatic": ("bot member", "away"),
        "mark": ("mark",),  # a rating without words
    }.items()
    for section in sections
}
EDITED = {"en": ("Sorry, once more: ", "edited: typo"), "de": ("Sorry, noch mal: ", "bearbeitet"), "es": ("Perdón, otra vez: ", "editado"), "pt": ("Desculpem, outra vez: ", "editado")}
ASKS = {"problem", "complaint", "wish", "question", "purchase", "churn"}  # who writes such a thing waits for an answer
SARCASM = 0.14  # of the complaints that can be put so
MARKS = {  # what a mark is given for: themes and sections, and how often there are words
    "good": (("praise", "praise", "praise", "champion"), 0.75),
    "middling": (("vegan_choice", "portion_size", "packaging_waste"), 0.5),
    "bad": (("late_delivery", "missing_items", "support_wait", "double_charge"), 0.85),
}
# How often the company answers, and how long it takes against the rest.
ANSWERED = {
    "late_delivery": (0.75, 0.8), "app_crash": (0.7, 1.3), "double_charge": (0.8, 1.9), "cancel_pause": (0.55, 1.0),
    "missing_items": (0.85, 0.6), "packaging_waste": (0.5, 2.2), "vegan_choice": (0.5, 1.6), "portion_size": (0.4, 1.4),
    "support_wait": (0.5, 3.5), "login_code": (0.8, 0.6), "price_rise": (0.35, 1.8), "teams_integration": (0.9, 0.5),
    "question": (0.7, 0.6), "praise": (0.3, 1.2), "churn": (0.5, 1.0), "jobs": (0.6, 3.0), "followup_bad": (0.7, 1.2),
}
MEDIAN_MINUTES = 36  # of working time, to an answer of ordinary speed
# What can't be said before a day of the month, since it refers to what happens then.
SINCE = {
    "app_crash": (26, r"(?i)7\.4|updat|upgrad|versi|release|hotfix|a[ct]+uali[sz]|Monday"),
    "login_code": (26, r"last version"),
    "price_rise": (12, r"(?i)Novemb|noviembre|mail|letter|new prices|increase|twelve|zwölf|raise|erhöhung|aumento|este precio|54\.95"),
    "chitchat": (22, r"Clocks"),
    "support_wait": (20, r"delays"),
}
ARCHETYPES = (  # how many people, and how much they write against the rest
    ("customer", 124, 1.0), ("liker", 118, 0.25), ("champion", 14, 1.6), ("evaluator", 16, 1.0), ("churner", 12, 1.3),
    ("bug_reporter", 10, 1.5), ("spammer", 8, 1.0), ("job_seeker", 6, 1.0), ("competitor", 2, 1.0), ("visitor", 10, 0.1),
)
FORUM_ONLY = {"visitor"}
TWO_PLATFORMS = 14
# Who writes what: theme or section -> archetype -> factor; "" stands for any theme not named.
WRITERS = {
    "": {"customer": 1, "churner": 1.2, "champion": 0.5, "bug_reporter": 0.7, "liker": 0.2},
    "app_crash": {"bug_reporter": 7, "customer": 1, "churner": 0.5, "liker": 0.2},
    "login_code": {"bug_reporter": 4, "customer": 1, "liker": 0.2},
    "price_rise": {"churner": 6, "customer": 1, "liker": 0.2},
    "cancel_pause": {"churner": 5, "customer": 1},
    "teams_integration": {"evaluator": 1},
    "praise": {"champion": 4, "customer": 1, "liker": 0.8},
    "question": {"customer": 1, "liker": 0.5, "champion": 0.5, "evaluator": 0.3},
    "chitchat": {"liker": 2, "customer": 0.6, "champion": 1},
    "recipe_note": {"champion": 4, "customer": 1},
    "churn": {"churner": 1}, "champion": {"champion": 1}, "spam": {"spammer": 1}, "jobs": {"job_seeker": 1}, "competitor": {"competitor": 1},
}
HELP_SECTIONS = ("cancel_pause", "login_code", "app_crash", "question")  # what customers help each other with
MOOD = {"vegan_choice": "neutral", "teams_integration": "neutral", "question": "neutral", "praise": "praise", "champion": "praise"}
BY_HOUR = (1, 0.5, 0.3, 0.2, 0.2, 0.5, 2, 4, 5, 5, 5, 5, 6, 5, 4, 4, 5, 7, 9, 10, 9, 7, 4, 2)
BY_DAY = (1.1, 1.1, 1.0, 1.0, 0.95, 0.8, 0.85)


class Dice:
    """Draws that depend on the seed alone: random.Random.random() is the one method of which
    Python promises that its sequence stays."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def chance(self, p):
        return self.random() < p

    def below(self, n):
        return int(self.random() * n)

    def pick(self, items):
        return items[self.below(len(items))]

    def weighted(self, items, weights):
        sums = list(itertools.accumulate(weights))
        return items[min(bisect.bisect_right(sums, self.random() * sums[-1]), len(items) - 1)]

    def lognormal(self, median, sigma):
        z = math.sqrt(-2 * math.log(1 - self.random())) * math.cos(2 * math.pi * self.random())
        return median * math.exp(sigma * z)

    def digits(self, n):
        return str(1 + self.below(9)) + "".join(str(self.below(10)) for _ in range(n - 1))


@dataclass
class Person:
    """Someone outside, or the company: one account on each of their platforms."""

    number: int
    name: str
    handle: str
    archetype: str
    language: str
    weight: float
    ids: dict = field(default_factory=dict)  # platform -> account id
    survey: str = ""  # by which the survey knows them, if they answered it

    def account(self, platform):
        return self.survey if platform == "typeform" else self.ids[platform]

    def accounts(self):
        return self.ids | ({"typeform": self.survey} if self.survey else {})


@dataclass
class Act:
    """One activity. `parent` and `about` are the activities replied to and reacted to, edited or deleted."""

    at: int  # milliseconds since 1970, UTC
    platform: str
    type: str  # Rapport's word for it
    person: Person
    object: str
    thread: str = ""
    parent: "Act" = None
    about: "Act" = None
    text: str = ""
    language: str = ""
    theme: str = ""
    section: str = ""
    topics: tuple = ()
    private: bool = False
    rating: bool = False  # of a page's own ratings
    mark: int = None  # stars, or the score of a survey
    sarcastic: bool = False
    automatic: bool = False  # no human wrote it
    reaction: str = ""
    detail: str = ""
    event: str = ""
    deleted: bool = False

    def inbound(self):
        return self.person.archetype != "company"


def offset(ms):
    """Hours from UTC to Berlin's time: summer is from the last Sunday of March to that of October."""
    year = time.gmtime(ms // 1000).tm_year

    def last_sunday(month):
        return calendar.timegm((year, month, 31 - (calendar.weekday(year, month, 31) + 1) % 7, 1, 0, 0)) * 1000

    return 2 if last_sunday(3) <= ms < last_sunday(10) else 1


def later(weeks):
    """Milliseconds by which everything is moved, so that the month ends at midnight in Berlin again."""
    return weeks * WEEK + (1 - offset(END + weeks * WEEK)) * HOUR


def berlin(ms):
    """The wall clock in Berlin at an instant: day since the start, weekday (Monday 0), hour with fraction."""
    wall = ms + (2 if ms < WINTER else 1) * HOUR
    day, rest = divmod(wall - (START + 2 * HOUR), DAY)
    return day, day % 7, rest / HOUR


def instant(day, hour, minute=0, rest=0):
    """The instant of a wall clock in Berlin; day 0 is Monday 5 October."""
    ms = START + day * DAY + hour * HOUR + minute * MINUTE + rest
    return ms if ms < WINTER else ms + HOUR


def october(day):
    """Days since the start, of a day of October."""
    return day - 5


def read_sentences(path):
    """Sections of the file by name, each a list of lines."""
    sections, lines = {}, []
    with open(path, encoding="utf-8") as f:
        for raw in f:
            line = raw.strip()
            if line.startswith("["):
                lines = sections.setdefault(line[1 : line.index("]")], [])
            elif line and not line.startswith("#"):
                lines.append(line)
    return sections


def language_of(pattern):
    m = re.match(r"(de|es|pt): ", pattern)
    return (m[1], pattern[4:]) if m else ("en", pattern)


class World:
    """The month as it is being made up."""

    def __init__(self, seed, sentences):
        self.dice = Dice(seed)
        self.sentences = sentences
        self.acts = []
        self.said = set()  # texts, so that no two people write the same; only asked for membership
        self.ids = set()
        self.queue, self.sequence = [], itertools.count()
        self.open = [(instant(d, 9), instant(d, 18)) if d % 7 < 5 else (instant(d, 10), instant(d, 14)) for d in range(28) if d % 7 < 6]
        self.company = Person(-1, PAGE_NAME, "larkspoon", "company", "en", 0, {"meta": PAGE, "standard": "u_staff_1"})
        self.staff = [Person(-2 - i, name, name.lower() + "_larkspoon", "company", "en", 0, {"standard": f"u_staff_{i + 1}"}) for i, name in enumerate(("Jule", "Mert", "Ingrid"))]
        self.robot = Person(-8, "SquareBot", "squarebot", "company", "en", 0, {"standard": "u_bot_1"})
        self.stranger = Person(-9, "FeedRobot", "feed_robot", "bot", "en", 0, {"standard": "u_bot_2"})
        self.people = self.make_people()

    # -- people ------------------------------------------------------------

    def fresh(self, make):
        while True:
            x = make()
            if x not in self.ids:
                self.ids.add(x)
                return x

    def make_people(self):
        d, people, names = self.dice, [], set()
        voice = {"meta": 0.0, "standard": 0.0}  # how much is written where, so that the platforms stay in proportion
        for archetype, count, share in ARCHETYPES:
            for _ in range(count):
                while (name := f"{d.pick(self.sentences['first names'])} {d.pick(self.sentences['last names'])}") in names:
                    pass
                names.add(name)
                first, last = plain(name).split()
                handle = d.pick((f"{first}{last[0]}", f"{first}.{last}", f"{first}_{d.digits(2)}", f"{last}{d.digits(3)}"))
                weight = (1 - d.random()) ** (-1 / 1.25)  # Pareto: few write much, most write little
                p = Person(len(people), name, self.fresh(lambda: handle + d.pick(("", "", str(d.below(90))))), archetype, "", min(weight, 18))
                home = "standard" if archetype in FORUM_ONLY or voice["standard"] < 0.34 * sum(voice.values()) else "meta"
                voice[home] += p.weight * share
                p.ids[home] = ""
                people.append(p)
            for i, p in enumerate(sorted(people[-count:], key=lambda p: -p.weight)):  # so that each language has people who write much
                p.language = (LANGUAGES + LANGUAGES[::-1])[i % (2 * len(LANGUAGES))]
        both = [p for p in people if p.archetype in ("customer", "champion", "evaluator")]
        for p in sorted(both, key=lambda p: -p.weight * d.random())[:TWO_PLATFORMS]:
            p.ids = {"meta": "", "standard": ""}
        for p in people:
            for platform in p.ids:
                p.ids[platform] = self.fresh(lambda: d.digits(17)) if platform == "meta" else self.fresh(lambda: "u_" + d.digits(5))
        return people

    def writer(self, section):
        factors = WRITERS.get(section, WRITERS[""])
        own = {a: f for a, _, f in ARCHETYPES}
        some = [p for p in self.people if p.archetype in factors]
        return self.dice.weighted(some, [p.weight * own[p.archetype] * factors[p.archetype] for p in some])

    # -- texts -------------------------------------------------------------

    def fill(self, pattern):
        return re.sub(r"\{(\w+)\}", lambda m: self.dice.pick(self.sentences["slot " + m[1]]), pattern)

    def patterns(self, section, language, day=99):
        lines = self.sentences[section]
        since, words = SINCE.get(section, (0, "$^"))
        if day < october(since):
            lines = [x for x in lines if not re.search(words, x)]
        own = [x for x in lines if language_of(x)[0] == language]
        return own or [x for x in lines if language_of(x)[0] == "en"]

    def own(self, section, language):
        """The lines of a section in a language."""
        return [x for x in self.sentences.get(section, ()) if language_of(x)[0] == language]

    def compose(self, section, person, at):
        """A text of section by person, unlike any before; its language; and whether it is sarcastic."""
        d, mood = self.dice, MOOD.get(section, "negative" if section in WEEKS else "")
        language = person.language if d.chance(0.95) else "en"
        sarcastic = d.chance(SARCASM)
        for attempt in range(200):
            if attempt > 30:
                language = "en"
            meant = self.own("sarcasm " + section, language) if sarcastic and attempt < 15 else []
            if section in SINCE and berlin(at)[0] < october(SINCE[section][0]):
                meant = [x for x in meant if not re.search(SINCE[section][1], x)]
            lang, pattern = language_of(d.pick(meant or self.patterns(section, language, berlin(at)[0])))
            text = self.fill(pattern)
            if not meant and section not in ("spam", "chitchat") and KINDS[section] != "closing":
                if (openers := self.own("opener", lang)) and (section in WEEKS or section == "question") and d.chance(0.1) and not text.startswith("I "):
                    text = language_of(d.pick(openers))[1] + " " + (text[0].lower() + text[1:] if lang == "en" else text)
                if d.chance(0.12):
                    text = typo(d, text)
                if (tails := self.own("tail " + mood, lang)) and d.chance(0.2):
                    text += ("" if text[-1] in ".!?…" else ".") + " " + self.fill(language_of(d.pick(tails))[1])
                if d.chance(0.08):
                    text = text.lower()
            if "emoji " + mood in self.sentences and d.chance(0.12):
                text += " " + d.pick(self.sentences["emoji " + mood])
            if text.lower() not in self.said or section.startswith("followup") or KINDS[section] == "closing":  # thanks are alike
                self.said.add(text.lower())
                return text, lang, bool(meant)
        raise ValueError(f"[{section}] has too few sentences")

    def line(self, section, language):
        """A line of a section in a language, or in English where it has none."""
        return self.fill(language_of(self.dice.pick(self.own(section, language) or self.own(section, "en")))[1])

    def reply_text(self, act, section):
        text = self.line("answer " + (section if "answer " + section in self.sentences else "question"), act.language)
        if self.dice.chance(0.4):
            first = act.person.name.split()[0]
            text = {"en": f"Hi {first}! ", "de": f"Hallo {first}! ", "es": f"¡Hola, {first}! ", "pt": f"Olá, {first}! "}[act.language] + text
        return text

    # -- time --------------------------------------------------------------

    def moment(self, week):
        d = self.dice
        day = week * 7 + d.weighted(range(7), BY_DAY)
        hour = d.weighted(range(24), BY_HOUR)
        return instant(day, hour, d.below(60), d.below(60_000))

    def answer_at(self, asked, speed):
        """When the company answers: after so much working time; None if not within the month."""
        left = self.dice.lognormal(MEDIAN_MINUTES * speed, 0.85) * MINUTE + 40_000
        if self.dice.chance(0.07):  # somebody looks after hours
            return int(asked + left)
        for begin, end in self.open:
            begin = max(begin, asked)
            if end > begin:
                if begin + left <= end:
                    return int(begin + left)
                left -= end - begin
        return None

    def push(self, at, what, *args):
        if at is not None and at < END:
            heapq.heappush(self.queue, (at, next(self.sequence), what, args))

    # -- acts --------------------------------------------------------------

    def add(self, **kw):
        a = Act(**kw)
        if a.platform == "meta":
            a.at -= a.at % 1000
            if a.private:
                a.at += self.dice.below(1000)
        if not START <= a.at < END:
            raise ValueError(f"{a.type} lies outside the month")
        a.event = self.fresh(lambda: "ev_" + self.dice.digits(9)) if a.platform == "standard" else ""
        self.acts.append(a)
        return a

    def number(self, n=15):
        return self.fresh(lambda: self.dice.digits(n))

    def post(self, at, platform, person, **kw):
        """A new thread."""
        if platform == "meta":
            post = f"{PAGE}_{self.number(16)}"
            return self.add(at=at, platform=platform, type="post", person=person, object=post, thread=post, **kw)
        return self.add(at=at, platform=platform, type="post", person=person, object="p_" + self.number(7), thread="t_" + self.number(6), **kw)

    def reply(self, at, person, parent, **kw):
        if parent.private:
            return self.add(at=at, platform="meta", type="message", person=person, object=self.mid(), thread=parent.thread, private=True, **kw)
        object = f"{parent.thread.split('_')[1]}_{self.number(16)}" if parent.platform == "meta" else "p_" + self.number(7)
        return self.add(at=at, platform=parent.platform, type="reply", person=person, object=object, thread=parent.thread, parent=parent, **kw)

    def mid(self):
        return self.fresh(lambda: "m_" + hashlib.sha256(self.dice.digits(12).encode()).hexdigest()[:30])

    def place(self, at, person, platform, **kw):
        """Puts a message where such a one would be written."""
        d, roll = self.dice, self.dice.random()
        theme, section = kw["theme"], kw["section"]
        recent = [a for a in self.acts if a.platform == platform and not a.private and not a.rating and not a.automatic and a.at < at]
        same = [a for a in recent if theme and a.theme == theme and a.inbound() and at - a.at < 3 * DAY and a.person is not person and not a.deleted]
        posts = [a for a in recent if a.type == "post" and not a.inbound() and at - a.at < 7 * DAY]
        fitting = [a for a in posts if section in a.topics or theme in a.topics]
        social = section in ("chitchat", "praise", "spam", "competitor", "champion")
        if platform == "meta":
            if section in ("double_charge", "login_code", "churn", "teams_integration", "jobs") and roll < 0.3 or section == "support_wait" and roll < 0.1:
                return self.add(at=at, platform=platform, type="message", person=person, object=self.mid(), thread="dm:" + person.ids["meta"], private=True, **kw)
            if section == "champion" and roll < 0.6 or section == "praise" and roll < 0.15 or section in ("late_delivery", "missing_items", "price_rise") and roll < 0.08:
                kind = "recommend" if section in ("champion", "praise") else "review"
                story = self.number(16)
                return self.add(at=at, platform=platform, type=kind, person=person, object=story, thread=story, rating=True, **kw)
            if same and roll < 0.5:
                return self.reply(at, person, d.pick(same), **kw)
            fitting = fitting or posts  # people complain below whatever was posted last
            if fitting and (social or roll < 0.87):
                return self.reply(at, person, d.weighted(fitting, [math.exp(-(at - a.at) / DAY) + 0.01 for a in fitting]), **kw)
            return self.post(at, platform, person, **kw)
        if section == "champion" and roll < 0.5:
            return self.add(at=at, platform=platform, type="recommend", person=person, object="p_" + self.number(7), thread="t_" + self.number(6), **kw)
        if same and roll < 0.45:
            return self.reply(at, person, d.pick(same), **kw)
        fitting = fitting or (posts if social else [])
        if fitting and (social or roll < 0.6):
            return self.reply(at, person, d.pick(fitting), **kw)
        return self.post(at, platform, person, **kw)

    def say(self, at, person, section):
        platform = self.dice.pick(sorted(person.ids))
        a = self.place(at, person, platform, **self.words(section, person, at))
        self.consider(a, section, 0)
        if section in HELP_SECTIONS and not a.private:
            if self.dice.chance(0.3):
                self.push(at + int(self.dice.lognormal(2 * HOUR, 0.8)), "help", a)
            elif self.dice.chance(0.15):
                self.push(at + int(self.dice.lognormal(HOUR, 0.8)), "nevermind", a)
        if platform == "standard" and a.type == "post" and KINDS[section] in ASKS and not working(at) and self.dice.chance(0.5):
            self.push(at + 20_000 + self.dice.below(MINUTE), "automatic_reply", a)

    def words(self, section, person, at):
        """What a message of section by person says."""
        text, language, sarcastic = self.compose(section, person, at)
        return {"text": text, "language": language, "sarcastic": sarcastic, "section": section, "theme": section if section in WEEKS else ""}

    def automatic_reply(self, at, a):
        self.reply(at, self.robot, a, text=self.line("bot reply", a.language), language=a.language, automatic=True)

    def answered(self, a):
        return any(r.parent is a and not r.inbound() and not r.automatic for r in self.acts)

    def help(self, at, a):
        """Another customer knows the answer; whoever asked mostly says that it was right."""
        d = self.dice
        helpers = [p for p in self.people if p.archetype in ("champion", "customer", "liker") and a.platform in p.ids and p is not a.person and p.language == a.language]
        if self.answered(a) or not helpers:
            return
        who = d.weighted(helpers, [p.weight * (4 if p.archetype == "champion" else 1) for p in helpers])
        h = self.reply(at, who, a, text=self.line("help " + a.section, a.language), language=a.language, section="help")
        then = int(at + d.lognormal(40 * MINUTE, 0.8)) + MINUTE
        if a.platform == "standard" and d.chance(0.5):
            self.push(then, "accept", h, a)
        elif d.chance(0.75):
            self.push(then, "thank", h, a)

    def thank(self, at, h, a):
        self.reply(at, a.person, h, text=self.line("helped", a.language), language=a.language, section="helped")

    def accept(self, at, h, a):
        self.add(at=at, platform=a.platform, type="accept", person=a.person, object=h.object, thread=a.thread, parent=a, about=h)

    def nevermind(self, at, a):
        if not self.answered(a):
            self.reply(at, a.person, a, text=self.line("nevermind", a.language), language=a.language, section="nevermind")

    def consider(self, a, section, depth):
        """Decides whether and when the company answers a."""
        if a.rating:  # answers to ratings are not told with the rating's own id
            return
        share, speed = ANSWERED.get(section, (0, 1))
        week = berlin(a.at)[0] // 7
        if section in ("late_delivery", "support_wait") and week == 2:
            share, speed = share * 0.8, speed * 2.5
        if a.person.archetype == "evaluator" and a.person.number % 5:  # one of five is left alone more often
            share, speed = 0.97, 0.5
        if self.dice.chance(share):
            self.push(self.answer_at(a.at, speed), "answer", a, section, depth)

    def answer(self, at, a, section, depth):
        d = self.dice
        who = self.company if a.platform == "meta" else d.pick(self.staff)
        r = self.reply(at, who, a, text=self.reply_text(a, section), language=a.language)
        evaluator = a.person.archetype == "evaluator" and section == "teams_integration"
        if evaluator and a.platform == "standard" and d.chance(0.5):  # reads by mail, and is away
            self.push(at + MINUTE, "away", r, a)
        if depth < (4 if evaluator else 2) and d.chance(0.8 if evaluator else 0.4):
            self.push(int(at + d.lognormal(55 * MINUTE, 1.0)) + MINUTE, "followup", r, a, evaluator, depth + 1)

    def away(self, at, r, a):
        self.reply(at, a.person, r, text=self.line("away", a.person.language), language=a.person.language, section="away", automatic=True)

    def followup(self, at, r, a, evaluator, depth):
        d = self.dice
        if not 6.5 < berlin(at)[2] < 23.5:
            at += 8 * HOUR
            if at >= END:
                return
        if evaluator:
            section = "teams_close" if depth >= 3 else "teams_followup"
        else:
            section = "followup_ok" if d.chance(0.72) else "followup_bad"
        f = self.reply(at, a.person, r, **self.words(section, a.person, at) | {"theme": "teams_integration" if section == "teams_followup" else ""})
        if section == "teams_followup":
            self.consider(f, "teams_integration", depth)
        elif section == "followup_bad":
            self.consider(f, section, depth)

    # -- the month ---------------------------------------------------------

    def run(self):
        for platform in ("meta", "standard"):
            for line in self.sentences["post " + platform]:
                when, topics, text = (x.strip() for x in line.split("|", 2))
                day, clock = when.split()
                hour, minute = clock.split(":")
                at = instant(october(int(day)), int(hour), int(minute), self.dice.below(60_000))
                self.push(at, "publish", platform, tuple(topics.split()), self.fill(text))
        for day in range(2, 28, 7):
            self.push(instant(day, 9, 0), "notify", self.robot, "bot post")
            for hour in (7, 21):
                self.push(instant(day + self.dice.below(4), hour, self.dice.below(60)), "notify", self.stranger, "bot member")
        evaluators = [p for p in self.people if p.archetype == "evaluator"]
        first = [self.moment(i % 4) for i in range(len(evaluators))]
        for p, at in zip(evaluators, first):
            self.push(at, "say", p, "teams_integration")
        for section, weeks in (WEEKS | OTHER).items():
            for week, count in enumerate(weeks):
                if section == "teams_integration":
                    count -= len(evaluators) // 4
                for _ in range(count):
                    at = self.moment(week)
                    if section == "app_crash" and week == 3:  # the burst: from the release on, fading
                        at = instant(21, 9, 30) + min(int(-math.log(1 - self.dice.random()) * 40 * HOUR), 6 * DAY)
                    if section == "late_delivery" and week == 2:
                        at = instant(14 + self.dice.weighted(range(7), (3, 9, 9, 6, 4, 2, 1)), 10 + self.dice.below(12), self.dice.below(60), self.dice.below(60_000))
                    if section == "price_rise" and week == 1:
                        at = max(at, instant(7, 9, 30))
                    self.push(at, "say", self.writer(section), section)
        self.marks()
        while self.queue:
            at, _, what, args = heapq.heappop(self.queue)
            getattr(self, what)(at, *args)
        self.close()
        self.amend()
        self.forum_life()
        self.react()
        self.acts.sort(key=lambda a: (a.at, a.platform, a.type, a.object, a.person.number))
        return self

    def publish(self, at, platform, topics, text):
        self.post(at, platform, self.company if platform == "meta" else self.staff[0], text=text, topics=topics, language="en")

    def marks(self):
        """Who answers the survey, and who reviews dishes and service in the forum."""
        d = self.dice
        able = [p for p in self.people if p.archetype in ("customer", "champion", "churner", "liker")]
        for p in sorted(able, key=lambda _: d.random())[: TARGET["typeform"]]:
            p.survey = self.fresh(lambda: "user:c" + d.digits(6))
            odds = {"champion": (9, 1, 0), "churner": (0, 2, 8)}.get(p.archetype, (4.5, 2.5, 3))
            self.push(self.moment(d.below(4)), "survey", p, d.weighted(("good", "middling", "bad"), odds))
        members = [p for p in able if "standard" in p.ids]
        for i in range(26):
            self.push(self.moment(i % 4), "review", d.pick(members), d.weighted(("good", "middling", "bad"), (4, 2, 4)))

    def said_with(self, mark, person, at):
        sections, words = MARKS[mark]
        return self.words(self.dice.pick(sections), person, at) if self.dice.chance(words) else {"section": "mark"}

    def survey(self, at, person, mark):
        score = self.dice.pick({"good": (9, 9, 10, 10, 10), "middling": (7, 8), "bad": (0, 0, 1, 2, 3, 4, 5, 6)}[mark])
        token = self.fresh(lambda: hashlib.sha256(self.dice.digits(12).encode()).hexdigest()[:24])
        self.add(at=at - at % 1000, platform="typeform", type="review", person=person, object=token, thread=token, mark=score, **self.said_with(mark, person, at))

    def review(self, at, person, mark):
        stars = self.dice.pick({"good": (4, 5, 5), "middling": (3,), "bad": (1, 1, 2)}[mark])
        a = self.add(at=at, platform="standard", type="review", person=person, object="p_" + self.number(7), thread="t_" + self.number(6), mark=stars, detail="review",
                     **self.said_with(mark, person, at))
        self.consider(a, a.section, 0)

    def notify(self, at, person, section):
        self.post(at, "standard", person, text=self.line(section, "en"), language="en", section=section if person.archetype == "bot" else "", automatic=True)

    def close(self):
        """Threads of the forum that are closed, and some that are opened again."""
        d = self.dice
        every, _ = pairs(self.acts)
        done = {m.thread for m, _ in every}
        last = {}
        for a in self.acts:
            last[a.thread] = max(a.at, last.get(a.thread, 0))
        asked = [a for a in self.acts if a.platform == "standard" and a.type == "post" and a.inbound() and KINDS[a.section] in ASKS and END - last[a.thread] > 2 * DAY]
        asked.sort(key=lambda _: d.random())
        answered, open = [a for a in asked if a.thread in done], [a for a in asked if a.thread not in done]
        for i, a in enumerate(answered[:14] + open[:12]):
            own = i % 4 == 1
            at = last[a.thread] + 2 * MINUTE + int(d.lognormal(5 * HOUR, 0.8)) % DAY
            by = a.person if own else d.pick(self.staff)
            self.add(at=at, platform="standard", type="close", person=by, object=a.thread, thread=a.thread, detail="thread")
            if i % 6 == 1:  # one who closed it as solved, and was wrong
                at += int(d.lognormal(4 * HOUR, 0.5)) % DAY
                self.add(at=at, platform="standard", type="reopen", person=a.person, object=a.thread, thread=a.thread, detail="thread")
                self.reply(at + MINUTE, a.person, a, text=self.line("again", a.language), language=a.language, section="again")

    def amend(self):
        """Edits and deletions."""
        d = self.dice
        for platform, edits, deletions in (("meta", 14, 11), ("standard", 8, 7)):
            parents = {id(a.parent) for a in self.acts if a.parent}
            mine = [a for a in self.acts if a.platform == platform and a.inbound() and a.text and not a.private and not a.rating and a.mark is None and not a.automatic and END - a.at > DAY]
            alone = sorted((a for a in mine if id(a) not in parents), key=lambda a: d.random() - (0.6 if a.section == "spam" else 0))
            gone = alone[:deletions]
            kept = sorted((a for a in mine if not any(a is g for g in gone) and a.section != "spam"), key=lambda _: d.random())
            for a in gone:
                a.deleted = True
                by = self.staff[1] if platform == "standard" and a.section == "spam" else a.person
                self.add(at=a.at + int(d.lognormal(3 * HOUR, 1)) % DAY + MINUTE, platform=platform, type="delete", person=by, object=a.object, thread=a.thread, about=a)
            for a in kept[:edits]:
                before, after = EDITED[a.language]
                text = d.pick((a.text + f" ({after})", a.text + f" /{after}", before + a.text))
                self.add(at=a.at + MINUTE + d.below(90 * MINUTE), platform=platform, type="edit", person=a.person, object=a.object, thread=a.thread, about=a, text=text, language=a.language)

    def forum_life(self):
        """What a forum tells beside what is written: registrations, visits, orders, follows."""
        d = self.dice
        members = [p for p in self.people if "standard" in p.ids]
        seen = {}
        for a in self.acts:
            if a.platform == "standard" and a.inbound() and a.person.number >= 0:
                seen[a.person.number] = min(a.at, seen.get(a.person.number, END))

        def one(type, person, at, object, **kw):
            if START <= at < END:
                self.add(at=at, platform="standard", type=type, person=person, object=object, **kw)

        for p in sorted(members, key=lambda p: (p.number not in seen, d.random()))[:46]:
            one("sign_up", p, seen.get(p.number, self.moment(d.below(4))) - 2 * MINUTE - d.below(2 * DAY), p.ids["standard"], detail="member")
        for p in members:
            if p.archetype == "evaluator":
                for page in ("/pricing", "/teams", "/teams/api", "/pricing")[: 2 + d.below(3)]:
                    one("visit", p, seen.get(p.number, START) + d.below(4 * DAY) - DAY, page, detail="page")
                one("follow", p, seen.get(p.number, START) + d.below(DAY), "topic_teams", detail="topic")
                if d.chance(0.6):
                    one("purchase", p, seen.get(p.number, START) + 4 * DAY + d.below(6 * DAY), "order_" + d.digits(6), detail="order")
        buyers = [p for p in members if p.archetype in ("customer", "champion")]
        for _ in range(18):
            one("purchase", d.pick(buyers), self.moment(d.below(4)), "order_" + d.digits(6), detail="order")
        for _ in range(24):
            one("follow", d.pick(members), self.moment(d.below(4)), "topic_" + d.pick(("recipes", "deliveries", "app", "plants", "teams")), detail="topic")
        for p in (p for p in members if p.archetype == "churner"):
            one("unfollow", p, self.moment(2 + d.below(2)), "topic_recipes", detail="topic")
        for i, p in enumerate(sorted(members, key=lambda _: d.random())[:10]):
            bios = [x for x in self.sentences["profile"] if ("Tafelwerk" in x) == (p.archetype == "competitor")]
            one("profile_change", p, self.moment(i % 4), p.ids["standard"], text=self.fill(d.pick(bios)), language="en", detail="member")
        for _ in range(14):
            one("click", d.pick(members), self.moment(d.below(4)), d.pick(("/newsletter/41", "/newsletter/43", "/offers/friends")), detail="link")

    def react(self):
        """Reactions, some of them taken back, and visits, up to the number of activities wanted."""
        d = self.dice
        for platform, target in (("meta", TARGET["meta"]), ("standard", TARGET["standard"])):
            things = [a for a in self.acts if a.platform == platform and a.type in ("post", "reply") and not a.deleted and END - a.at > 6 * HOUR]
            weights = [12 if a.type == "post" and not a.inbound() else 2 if a.type == "post" else 1 for a in things]
            crowd = [p for p in self.people if platform in p.ids]
            like = [p.weight * {"liker": 3, "champion": 2, "spammer": 0.2, "visitor": 0.2}.get(p.archetype, 1) for p in crowd]
            active = {a.person.number for a in self.acts if a.platform == platform}
            silent = [p for p in crowd if p.number not in active]
            unliked = 12 if platform == "meta" else 5
            done = set()

            def count():
                return sum(a.platform == platform for a in self.acts)

            if platform == "meta":
                for _ in range(24):
                    self.reaction(self.company, d.pick([a for a in things if a.inbound()]), done)
            short = target - count() - unliked
            if short < len(silent):
                raise ValueError(f"{platform}: {count()} activities leave no room for reactions")
            while short > 0:
                p = silent.pop() if silent else d.weighted(crowd, like)
                if platform == "standard" and (p.archetype == "visitor" or d.chance(0.28)):
                    self.add(at=self.moment(d.below(4)), platform=platform, type="visit", person=p, object=d.pick(("/", "/menu", "/menu/next", "/recipes", "/pricing", "/help")), detail="page")
                    short -= 1
                elif self.reaction(p, d.weighted(things, weights), done):
                    short -= 1
            liked = sorted((a for a in self.acts if a.platform == platform and a.type == "react" and a.inbound() and END - a.at > DAY), key=lambda _: d.random())
            for a in liked[:unliked]:
                self.add(at=a.at + MINUTE + d.below(DAY - 2 * MINUTE), platform=platform, type="unreact", person=a.person, object=a.object, thread=a.thread, about=a.about, reaction=a.reaction)

    def reaction(self, p, a, done):
        d = self.dice
        if (p.number, a.object) in done or a.person is p:
            return False
        at = a.at + 20_000 + int(min(d.lognormal(5 * HOUR, 1.2), 5 * DAY))
        if not p.archetype == "company" and not 6 < berlin(at)[2] < 23.8 and d.chance(0.85) or at >= END:
            return False
        done.add((p.number, a.object))
        kinds = ("like", "love", "care", "wow", "haha", "sad", "angry")
        mood = (70, 2, 4, 2, 2, 8, 12) if a.theme else (70, 20, 3, 3, 4, 0.5, 0.5)
        if a.platform == "standard":
            kinds, mood = ("heart", "clap", "tada", "thumbsdown"), ((70, 3, 1, 14) if a.theme else (70, 14, 10, 1))
        kind = "like" if p.archetype == "company" else d.weighted(kinds, mood)
        self.add(at=at, platform=a.platform, type="react", person=p, object=a.object, thread=a.thread, about=a, reaction=kind)
        return True


def plain(name):
    """A name in small ASCII letters, as in a handle."""
    return unicodedata.normalize("NFKD", name.lower().replace("ı", "i")).encode("ascii", "ignore").decode()


def typo(d, text):
    """One slip of the fingers in a longer word: two letters swapped, one lost, or one doubled."""
    words = text.split(" ")
    long = [i for i, w in enumerate(words) if len(w) > 4 and w.isalpha() and w.islower()]
    if not long:
        return text
    i = d.pick(long)
    w, k, how = words[i], 1 + d.below(len(words[i]) - 2), d.below(3)
    words[i] = (w[:k] + w[k + 1] + w[k] + w[k + 2 :], w[:k] + w[k + 1 :], w[:k] + w[k] + w[k:])[how]
    return " ".join(words)


# -- what the platforms make of it ------------------------------------------


def meta_change(a):
    """The change or messaging event of an activity, and which of the two it is."""
    sec = a.at // 1000
    who = {"id": a.person.ids["meta"], "name": a.person.name}
    if a.private:
        other = a.thread.removeprefix("dm:")
        out = {"sender": {"id": a.person.ids["meta"]}, "recipient": {"id": PAGE if a.inbound() else other}, "timestamp": a.at, "message": {"mid": a.object, "text": a.text}}
        if not a.inbound():
            out["message"]["is_echo"] = True
        return "messaging", out
    if a.rating:
        rating = {"POSITIVE": 5, "NEGATIVE": 1}
        kind = "POSITIVE" if a.type == "recommend" else "NEGATIVE"
        return "changes", {"field": "ratings", "value": {"item": "rating", "verb": "add", "open_graph_story_id": a.object, "reviewer_id": who["id"], "reviewer_name": who["name"],
                           "rating": rating[kind], "review_text": a.text, "recommendation_type": kind, "created_time": sec}}
    v = {"from": who, "post_id": a.thread, "created_time": sec}
    if a.type in ("react", "unreact"):
        v |= {"item": "reaction", "verb": "add" if a.type == "react" else "remove", "reaction_type": a.reaction}
        if a.about.type == "reply":
            v |= {"comment_id": a.object, "parent_id": a.thread}
        return "changes", {"field": "feed", "value": v}
    thing = a.about or a
    v["verb"] = {"edit": "edited", "delete": "remove"}.get(a.type, "add")
    if a.text:
        v["message"] = a.text
    if thing.type == "reply":
        v |= {"item": "comment", "comment_id": a.object, "parent_id": thing.parent.object}
    else:
        v |= {"item": "status" if not a.inbound() else "post"}
    if v["verb"] == "add":
        number = a.object.split("_")[1]
        v["permalink_url"] = f"https://www.facebook.com/{PAGE}/posts/{a.thread.split('_')[1]}" + (f"?comment_id={number}" if thing.type == "reply" else "")
        if v["item"] == "status":
            v["published"] = 1
    return "changes", {"field": "feed", "value": v}


NOISE = {  # what a page also tells, though nobody did it
    "field": "feed", "value": {"item": "comment", "verb": "hide", "from": {"id": PAGE, "name": PAGE_NAME}},
}


def meta_body(acts, entries, noise):
    """One delivery of Meta's, of acts in one entry or in one each."""
    groups = [[a] for a in acts] if entries else [acts]
    out = []
    for group in groups:
        e = {"id": PAGE, "time": max(a.at for a in group) // 1000 + 1}
        for a in group:
            kind, event = meta_change(a)
            e.setdefault(kind, []).append(event)
        if noise and not group[0].private:  # a page hides comments, not messages
            v = NOISE["value"] | {"post_id": group[0].thread, "created_time": group[0].at // 1000}
            e.setdefault("changes", []).append({"field": NOISE["field"], "value": v})
        out.append(e)
    return compact({"object": "page", "entry": out}, ascii=True)


def compact(value, ascii):
    return json.dumps(value, ensure_ascii=ascii, separators=(",", ":"))


def local_time(ms):
    """RFC 3339 with Berlin's offset and milliseconds."""
    t = time.gmtime(ms // 1000 + offset(ms) * 3600)
    return time.strftime("%Y-%m-%dT%H:%M:%S", t) + f".{ms % 1000:03}+0{offset(ms)}:00"


EVENTS = {"reply": "reply.created", "review": "review.written", "recommend": "recommendation.given", "edit": "entry.edited", "delete": "entry.removed",
          "close": "thread.closed", "reopen": "thread.reopened", "accept": "answer.accepted",
          "react": "reaction.added", "unreact": "reaction.removed", "follow": "topic.followed", "unfollow": "topic.unfollowed", "sign_up": "member.registered",
          "profile_change": "member.updated", "visit": "page.viewed", "click": "link.clicked", "purchase": "order.placed"}


def forum_event(a):
    if a.type == "post":
        kind = "question.asked" if a.text.endswith("?") else "thread.opened"
    else:
        kind = EVENTS[a.type]
    p = a.person
    e = {"event_id": a.event, "kind": kind, "at": local_time(a.at), "board": {"id": BOARD, "name": "Larkspoon Town Square"},
         "member": {"id": p.ids["standard"], "handle": p.handle, "display_name": p.name, "role": "staff" if p.archetype == "company" else "member"},
         "subject": {"id": a.object, "type": a.detail or "entry"}}
    if a.thread and a.type in ("post", "reply", "review", "recommend", "edit", "delete", "close", "reopen", "accept"):
        e["thread"] = a.thread
    if a.parent:
        e["reply_to"] = a.parent.object
    if a.text:
        e["text"] = a.text
    if a.mark is not None:
        e["stars"] = a.mark
    if a.reaction:
        e["emoji"] = a.reaction
    if a.automatic:
        e["automated"] = True
    if a.type in ("post", "reply", "review", "recommend"):
        e["link"] = f"https://square.larkspoon.example/{a.thread}#{a.object}"
    elif a.detail == "page":
        e["link"] = "https://larkspoon.example" + a.object
    return e


def forum_body(acts, noise):
    events = [forum_event(a) for a in acts]
    if noise:
        e = {k: v for k, v in events[0].items() if k in ("at", "board", "member")}
        events.append({"event_id": events[0]["event_id"] + "b", "kind": "badge.granted"} | e | {"subject": {"id": "badge_spoon", "type": "badge"}})
    return compact({"forum": "Larkspoon Town Square", "sent_at": local_time(max(a.at for a in acts)), "events": events}, ascii=False)


QUESTIONS = {"nps": "How likely are you to recommend Larkspoon to a friend?", "long_text": "What is the main reason for your score?"}


def survey_body(a):
    """One delivery of Typeform's: a response to the survey."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(a.at // 1000))
    fields = {kind: {"id": kind + "1", "ref": kind, "type": kind} for kind in QUESTIONS}
    answers = [{"type": "number", "number": a.mark, "field": fields["nps"]}]
    if a.text:
        answers.append({"type": "text", "text": a.text, "field": fields["long_text"]})
    asked = [f | {"title": QUESTIONS[kind], "properties": {}} for kind, f in fields.items()]
    response = {"form_id": FORM, "token": a.object, "landed_at": at, "submitted_at": at, "hidden": {"user_id": a.person.survey.removeprefix("user:"), "name": a.person.name},
                "definition": {"id": FORM, "title": "After the box", "fields": asked}, "answers": answers}
    return compact({"event_id": "01" + a.object, "event_type": "form_response", "form_response": response}, ascii=False)


@dataclass
class Delivery:
    id: str
    body: str
    acts: list
    noise: int = 0


def deliveries(platform, acts, d):
    """The deliveries of a platform in the order of their events."""
    out, i = [], 0
    share = {"meta": 0.06, "standard": 0.22, "typeform": 0}[platform]  # how often several come together
    while i < len(acts):
        size = 2 + d.below(4) if d.chance(share) else 1
        group, i = acts[i : i + size], i + size
        noise = 1 if platform != "typeform" and d.chance(0.006) else 0
        if platform == "typeform":
            body = survey_body(group[0])
        elif platform == "meta":
            entries = d.chance(0.5)
            body = meta_body(group, entries, noise)
            noise *= len(group) if entries else 1
        else:
            body = forum_body(group, noise)
        out.append(Delivery(f"{platform}-{len(out) + 1:05}", body, group, noise))
    return out


def shuffled(ds, d):
    """ds in the order of arrival: about a tenth displaced, about 3 % again later. Also how many."""
    where = {id(a): i for i, x in enumerate(ds) for a in x.acts}
    key = [float(i) for i in range(len(ds))]
    moved = set()
    kinds = {a.type for x in ds for a in x.acts}
    before = {kind: n for kind, n in {"delete": 3, "edit": 3, "reply": 9}.items() if kind in kinds}  # how many come before what they are about
    order = sorted(range(len(ds)), key=lambda _: d.random())
    anchors = set()
    for i in order:
        for a in ds[i].acts:
            about = a.parent if a.type == "reply" else a.about
            j = where.get(id(about)) if about else None
            if before.get(a.type, 0) and j is not None and j < i and i not in moved and j not in moved and i not in anchors:
                key[i] = j - 0.5
                moved.add(i)
                anchors.add(j)
                before[a.type] -= 1
    if any(before.values()):
        raise ValueError("too few replies, edits and deletions to displace")
    for i in order:
        if len(moved) >= len(ds) // 10:
            break
        if i not in moved and i not in anchors and i < len(ds) - 5:
            key[i] = i + min(3 + d.below(d.pick((8, 60, 400))), len(ds) - i) + 0.5
            moved.add(i)
    out = [(k, 0, ds[i]) for i, k in enumerate(key)]
    again = sorted(order[: round(len(ds) * 0.03)])
    for i in again:
        out.append((min(key[i] + 5 + d.below(d.pick((10, 250))), len(ds)) + 0.25, 1, ds[i]))
    out.sort(key=lambda x: (x[0], x[1], x[2].id))
    return [x for _, _, x in out], len(moved), len(again)


def strange(start):
    """Deliveries that are rightly signed and can't be understood: (id, body, why)."""
    at = start // 1000 + 86_400
    who = {"id": "10000000000000001", "name": "Ada Strange"}

    def page(value, field="feed", id=PAGE):
        return {"object": "page", "entry": [{"id": id, "time": at, "changes": [{"field": field, "value": value}]}]}

    comment = {"item": "comment", "verb": "add", "post_id": f"{PAGE}_9000000000000001", "comment_id": "9000000000000001_1", "parent_id": f"{PAGE}_9000000000000001", "from": who,
               "created_time": at, "message": "Nobody will ever read this as a comment"}
    cases = (
        ("a mention without its author", page({"item": "post", "verb": "add", "post_id": "44444444_444444444", "created_time": at}, "mention")),
        ("a comment dated in the future", page(comment | {"created_time": calendar.timegm((2099, 1, 1, 0, 0, 0))})),
        ("an author that is a text", page(comment | {"from": "Ada Strange"})),
        ("a page that nobody watches", page(comment, id="999999999999999")),
        ("a comment without its id", page({k: v for k, v in comment.items() if k != "comment_id"})),
        ("an entry that is a number", {"object": "page", "entry": [7]}),
    )
    return [(f"strange-{i + 1:02}", compact(body, ascii=True), why) for i, (why, body) in enumerate(cases)]


def forged(start):
    """Deliveries of somebody who does not know the secret."""
    out = []
    for i in range(20):
        at = start // 1000 + 3600 * (30 + 29 * i)
        post = f"{PAGE}_{7000000000000000 + i}"
        value = {"from": {"id": str(66600000000000000 + i), "name": "Mallory Forger"}, "post_id": post, "created_time": at, "item": "post", "verb": "add",
                 "message": f"Forged announcement {i + 1}: Larkspoon closes down, claim your money at http://forged.example/{i + 1}"}
        out.append((f"forged-{i + 1:02}", compact({"object": "page", "entry": [{"id": PAGE, "time": at, "changes": [{"field": "feed", "value": value}]}]}, ascii=True)))
    return out


# -- what is true -----------------------------------------------------------


def conversations(acts):
    """What was said in each thread with each asker: (asker's messages, answers by humans to them
    as pairs of message and answer), in the order of the threads."""
    threads = {}
    for a in acts:
        if a.type in ("post", "reply", "message", "review", "recommend") and not a.deleted and not a.automatic:
            threads.setdefault((a.platform, a.thread), []).append(a)
    for nodes in threads.values():
        askers = {}
        for a in nodes:
            if a.inbound():
                askers.setdefault(a.person.number, []).append(a)
        for asked in askers.values():
            mine, answers = {a.object: a for a in asked}, []
            for r in (a for a in nodes if not a.inbound()):
                m = mine.get(r.parent.object) if r.parent else None
                if r.private:
                    earlier = [a for a in asked if a.at < r.at]
                    m = earlier[-1] if earlier else None
                if m:
                    answers.append((m, r))
            yield asked, answers


def pairs(acts):
    """(message, first answer) for each answered message, and all (message, answer) pairs, by the
    rules of Rapport's conversations; answers of machines left out."""
    every = [x for _, answers in conversations(acts) for x in answers]
    first = {}
    for m, r in every:
        first.setdefault((m.platform, m.object), (m, r))
    return every, list(first.values())


def owed(acts):
    """The messages that an answer is owed to at the end, by (platform, object), and how many askers
    in a thread wait. Owed is an answer to what asks something and was not answered, unless its
    asker was answered later in the thread, or somebody said since that it is done: the asker by a
    message or by accepting somebody's answer, or whoever closed the thread."""
    closed, accepted = {}, {}
    for a in acts:  # in the order of time
        if a.type == "close":
            closed[a.platform, a.thread] = a.at
        elif a.type == "reopen":
            closed.pop((a.platform, a.thread), None)
        elif a.type == "accept":
            accepted[a.platform, a.thread, a.person.number] = a.at
    out, waiting = set(), 0
    for asked, answers in conversations(acts):
        thread = asked[0].platform, asked[0].thread
        ends = [r.at for _, r in answers] + [a.at for a in asked if KINDS[a.section] == "closing"]
        ends += [closed.get(thread, 0), accepted.get((*thread, asked[0].person.number), 0)]
        answered = {m.object for m, _ in answers}
        due = [a for a in asked if KINDS[a.section] in ASKS and a.object not in answered and a.at > max(ends)]
        out.update((a.platform, a.object) for a in due)
        waiting += bool(due)
    return out, waiting


def messages(acts):
    """What the generator knows of each message of somebody outside, by platform and id."""
    due, _ = owed(acts)
    out = {p: {} for p in TARGET}
    for a in acts:
        if a.inbound() and a.section and a.type not in ("edit", "delete"):
            m = {"kind": KINDS[a.section], "owed": (a.platform, a.object) in due, "conversation": f"{a.thread} {a.person.number}"}
            m |= {name: value for name, value in (("language", a.language), ("theme", a.theme), ("sarcastic", a.sarcastic), ("automatic", a.automatic), ("deleted", a.deleted)) if value}
            out[a.platform][a.object] = m | ({} if a.mark is None else {"mark": a.mark})
    return out


def median(xs):
    xs = sorted(xs)
    n = len(xs)
    return None if not n else xs[n // 2] if n % 2 else (xs[n // 2 - 1] + xs[n // 2]) / 2


def working(ms):
    _, weekday, hour = berlin(ms)
    return weekday < 5 and 9 <= hour < 18


def truth(world, lines, shift):
    acts = world.acts
    every, first = pairs(acts)
    said = messages(acts)
    seconds = [(r.at - m.at) / 1000 for m, r in first]
    in_hours = [(r.at - m.at) / 1000 for m, r in first if working(m.at)]

    def tally(values):
        out = {}
        for v in values:
            out[v] = out.get(v, 0) + 1
        return dict(sorted(out.items()))

    themes = {}
    for theme in WEEKS:
        mine = [a for a in acts if a.theme == theme and not a.deleted and a.type not in ("edit", "delete")]
        delays = [(r.at - m.at) / 1000 for m, r in first if m.theme == theme]
        themes[theme] = {
            "messages": len(mine),
            "messages_by_week": [sum(berlin(a.at)[0] // 7 == w for a in mine) for w in range(4)],
            "people": len({a.person.number for a in mine}),
            "people_by_week": [len({a.person.number for a in mine if berlin(a.at)[0] // 7 == w}) for w in range(4)],
            "accounts": len({(a.platform, a.person.number) for a in mine}),
            "answered": len(delays),
            "median_response_seconds": median(delays),
        }
    labelled = [a for a in acts if a.theme and a.type not in ("edit", "delete")]
    known = [m for p in said.values() for m in p.values()]
    return {
        "company": PAGE_NAME, "page": PAGE, "board": BOARD, "time_zone": "Europe/Berlin",
        "from": local_time(START + shift), "to": local_time(END + shift),
        "activities": {"distinct": len(acts), "by_platform": tally(a.platform for a in acts), "by_type": tally(a.type for a in acts),
                       "by_direction": tally("inbound" if a.inbound() else "outbound" for a in acts),
                       "by_platform_and_type": {p: tally(a.type for a in acts if a.platform == p) for p in TARGET}},
        "deliveries": lines,
        "themes": themes,
        "languages": tally(a.language for a in acts if a.language and a.inbound()),
        "kinds": tally(m["kind"] for m in known), "sarcastic": sum("sarcastic" in m for m in known),
        "kinds_by_language": {l: tally(m["kind"] for m in known if m.get("language") == l) for l in sorted(set(LANGUAGES))},
        "messages": said,
        "sections": tally(a.section for a in acts if a.section),
        "people": {
            "persons": len(world.people), "accounts": sum(len(p.accounts()) for p in world.people),
            "active_accounts": len({(a.platform, a.person.number) for a in acts if a.inbound()}),
            "by_language": tally(p.language for p in world.people),
            "by_archetype": tally(p.archetype for p in world.people),
            "of_account": {platform: {p.account(platform): {"name": p.name, "archetype": p.archetype} for p in world.people if platform in p.accounts()} for platform in TARGET},
            "same_person": [list(p.accounts().values()) for p in world.people if len(p.accounts()) > 1],
        },
        "answers": {"pairs": len(every), "messages_answered": len(first), "waiting_at_end": owed(acts)[1],
                    "median_response_seconds": median(seconds), "median_response_seconds_asked_in_working_hours": median(in_hours)},
        "theme_of_message": {p: {a.object: a.theme for a in labelled if a.platform == p} for p in TARGET},
        "deleted_messages": {p: sorted(a.object for a in acts if a.platform == p and a.deleted) for p in TARGET},
    }


def generate(seed=SEED, weeks=0):
    """The files by name: text, and for truth.json the value."""
    world = World(seed, read_sentences(os.path.join(HERE, "demo", "sentences.txt"))).run()
    shift = later(weeks)
    acts = copy.deepcopy(world.acts)  # together, since replies name what they reply to
    for a in acts:
        a.at += shift
    d, files, lines = Dice(seed + 1), {}, {}
    for platform in TARGET:
        ds = deliveries(platform, [a for a in acts if a.platform == platform], d)
        arrived, moved, again = shuffled(ds, d)
        files[platform + ".jsonl"] = [(x.id, x.body) for x in arrived]
        lines[platform + ".jsonl"] = {"lines": len(arrived), "distinct": len(ds), "redelivered": again, "displaced": moved, "ignored_events": sum(x.noise for x in ds)}
    oddities = strange(START + shift)
    files["forged.jsonl"] = forged(START + shift)
    files["unintelligible.jsonl"] = [(i, body) for i, body, _ in oddities]
    lines["forged.jsonl"] = {"platform": "meta", "lines": len(files["forged.jsonl"]), "refused": len(files["forged.jsonl"])}
    lines["unintelligible.jsonl"] = {"platform": "meta", "lines": len(oddities), "parked": len(oddities), "why": {i: why for i, _, why in oddities}}
    out = {name: "".join(f'{{"id":{json.dumps(i)},"body":{body}}}\n' for i, body in rows) for name, rows in files.items()}
    return out, truth(world, lines, shift)


def main():
    parser = argparse.ArgumentParser(description="Write a month of invented social activity.")
    parser.add_argument("--out", required=True, help="folder to write to; made if absent")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--weeks", type=int, default=0, help="how many weeks later all of it happens")
    args = parser.parse_args()
    files, true = generate(args.seed, args.weeks)
    files["truth.json"] = json.dumps(true, ensure_ascii=False, indent=1) + "\n"
    os.makedirs(args.out, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(args.out, name), "w", encoding="utf-8", newline="\n") as f:
            f.write(text)


if __name__ == "__main__":
    main()
