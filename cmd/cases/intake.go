package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// become tries what payloads become: looked at with the operator's tool.
func become(right func([]activity) bool, args ...string) check {
	return check{look: func(t *trial) (verdict, error) {
		list, _, err := t.normalise(located(t, args)...)
		return verdict{strings.Trim(fmt.Sprint(list), "[]"), err == nil && right(list)}, err
	}}
}

// located are arguments with the paths of the case's files, which begin with a dot or a dash in them.
func located(t *trial, args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if out[i] = a; strings.HasPrefix(a, ".") || strings.HasPrefix(a, "-1.") || strings.HasPrefix(a, "-2.") {
			out[i] = t.file(a)
		}
	}
	return out
}

// one tells of a single activity.
func one(right func(activity) bool) func([]activity) bool {
	return func(list []activity) bool { return len(list) == 1 && list[0].Key != "" && right(list[0]) }
}

// connectRefused tries a source that can never work.
func connectRefused(t *trial) (verdict, error) {
	var body map[string]any
	b, err := os.ReadFile(t.file(".json"))
	if err == nil {
		err = json.Unmarshal(b, &body)
	}
	if err != nil {
		return verdict{}, err
	}
	status, answer, err := t.send("POST", t.base+"/sources", body)
	if err != nil || status != 201 {
		return verdict{fmt.Sprintf("%d %s", status, answer), status == 422}, err
	}
	var made struct{ ID string }
	var health struct {
		Status string
		ToDo   string `json:"what_to_do"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return verdict{}, err
	}
	err = t.get("/sources/"+made.ID+"/health", &health)
	return verdict{fmt.Sprintf("201; health %s: %s", health.Status, health.ToDo), health.Status == "failing" && health.ToDo != ""}, err
}

// redated tries an item whose date was corrected.
func redated(t *trial) (verdict, error) {
	posts := map[string]bool{}
	list, out, err := t.normalise("--platform", "feed", "--method", "GET", "--url", "https://blog.example/feed", t.file("-1.xml"), t.file("-2.xml"))
	if err != nil {
		return verdict{}, err
	}
	for _, a := range list {
		if a.Type == "post" {
			posts[a.Key] = true
		}
	}
	scores, err := t.score(out, "2026-11-03T00:00:00Z")
	if err != nil || len(scores) != 1 {
		return verdict{fmt.Sprintf("%d keys of posts, scores %v", len(posts), scores), false}, err
	}
	return verdict{fmt.Sprintf("%d keys of posts, score %s", len(posts), scores[0].Points), len(posts) == 1 && scores[0].Points == "0.971531"}, nil
}

// angry tries whether an angry reaction can be told and gives no points.
func angry(t *trial) (verdict, error) {
	list, out, err := t.normalise("--platform", "meta", t.file(".json"))
	if err != nil || len(list) != 1 {
		return verdict{out, false}, err
	}
	scores, err := t.score(out, "2026-08-18T00:00:00Z")
	points := int64(0)
	for _, s := range scores {
		for _, c := range s.Contributions {
			points += max(0, c.Micro)
		}
	}
	return verdict{fmt.Sprintf("%s %q, %d micro-points for it", list[0].Type, list[0].Reaction, points), list[0].Type == "react" && strings.EqualFold(list[0].Reaction, "angry") && points == 0}, err
}

// notPositive tries a net promoter score of 0: as the tool reads it, and as the stack does.
func notPositive(t *trial) (verdict, error) {
	_, out, err := t.normalise("--platform", "typeform", t.file(".json"))
	if err != nil {
		return verdict{}, err
	}
	scores, err := t.score(out, "2026-11-28T12:00:00Z")
	if err != nil {
		return verdict{}, err
	}
	points := int64(0)
	for _, s := range scores {
		points += s.by("recommendation")
	}
	list, _, err := t.activities()
	if err != nil || len(list) != 1 {
		return verdict{fmt.Sprintf("%d activities on the stack", len(list)), false}, err
	}
	a := list[0]
	rated := a.Rating != nil && a.Rating.Value == 0 && a.Rating.Kind == "nps"
	return verdict{fmt.Sprintf("%s, rating %+v, sentiment %q, intent %q, text %q, %d micro-points for recommending", a.Type, a.Rating, a.Sentiment, a.Intent, a.Text, points),
		rated && a.Sentiment != "positive" && a.Intent != "recommendation" && !strings.Contains(a.Text, "How likely") && points == 0}, nil
}

// onePerson tries whether all activities are by one person, who waits once.
func onePerson(t *trial) (verdict, error) {
	list, who, err := t.activities()
	if err != nil {
		return verdict{}, err
	}
	x, err := t.talked("2026-08-01", "2026-09-01")
	return verdict{fmt.Sprintf("%d activities by %d persons, %d conversations", len(list), len(who), x.conversations), len(list) == 2 && len(who) == 1 && x.conversations == 1}, err
}

// signed tries vectors of signatures.
func signed(t *trial) (verdict, error) {
	out, told, code, err := t.rapport("", "verify", "--vectors", t.file(".json"))
	return verdict{fmt.Sprintf("exit code %d: %s %s", code, out, told), code == 0}, err
}

// rated tries texts that are a rating, and one that says nothing.
func rated(t *trial) (verdict, error) {
	in, err := os.ReadFile(t.file(".jsonl"))
	if err != nil {
		return verdict{}, err
	}
	list, err := t.read(string(in))
	right := len(list) == 4
	for i, r := range list {
		if i < 3 {
			right = right && r.Sentiment.Label == "negative"
		} else {
			right = right && r.Sentiment.Label == "neutral" && (r.Intent.Label == "chatter" || r.Intent.Label == "other" || r.Intent.Label == "")
		}
	}
	return verdict{labels(list), right}, err
}

// labels are the readings in few words.
func labels(list []reading) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Language+" "+r.Sentiment.Label+" "+r.Intent.Label)
	}
	return strings.Join(out, ", ")
}

// posted is a step that posts files to a source of a platform.
func posted(platform, scope string, more map[string]any, endings ...string) []func(*trial) error {
	return []func(*trial) error{func(t *trial) error { return t.postFiles(platform, scope, more, located(t, endings)...) }}
}

var intakeChecks = map[string]check{
	"intake/feed-badbyte": become(func(list []activity) bool {
		return len(list) == 2 && list[0].Type == "post" && list[1].Type == "post" && strings.Contains(list[0].Text+list[1].Text, "bad \uFFFD byte")
	}, "--platform", "feed", "--method", "GET", "--url", "https://blog.example/feed", ".xml"),
	"intake/feed-port":    {steps: []func(*trial) error{func(*trial) error { return nil }}, look: connectRefused},
	"intake/feed-redated": {look: redated},
	"intake/feed-zone-jst": become(func(list []activity) bool {
		return len(list) == 1 && (list[0].Parked != "" || strings.HasPrefix(list[0].Occurred, "2026-11-02T01:00:00"))
	}, "--platform", "feed", "--method", "GET", "--url", "https://blog.example/feed", ".xml"),
	"intake/hubspot-single": become(func(list []activity) bool {
		return len(list) == 1 && strings.Contains(list[0].Parked, "list") && !strings.Contains(list[0].Parked, "no JSON")
	}, "--platform", "hubspot", ".json"),
	"intake/meta-reaction-angry": {look: angry},
	"intake/ratings-read":        {look: rated},
	"intake/shopify-guest-order": become(one(func(a activity) bool { return a.Type == "purchase" && a.Actor.ID == "email:jon@example.com" }),
		"--platform", "shopify", ".json"),
	"intake/slack-blocks-only": become(one(func(a activity) bool {
		return strings.HasPrefix(a.Text, "The export is broken for @U0BBBB002") && strings.Contains(strings.ReplaceAll(a.Text, "*", ""), "please fix & reply")
	}), "--platform", "slack", ".json"),
	"intake/slack-bot-attachment": become(one(func(a activity) bool {
		return strings.HasPrefix(a.Text, "New response") && strings.Contains(a.Text, "Feedback: too expensive")
	}), "--platform", "slack", ".json"),
	"intake/standard-bom": become(one(func(a activity) bool { return a.Type == "post" && a.Text == "hi" && a.Actor.ID == "7" }),
		"--platform", "standard", "--config", ".config.json", ".json"),
	"intake/standard-signatures": {look: signed},
	"intake/typeform-nps-0":      {steps: posted("typeform", "F1", nil, ".json"), look: notPositive},
	"intake/whatsapp-flow-reply": become(one(func(a activity) bool {
		return strings.Contains(a.Text, "slow delivery") && !strings.Contains(a.Text, "Sent") && (strings.Contains(a.Text, "2") || a.Rating != nil && a.Rating.Value == 2)
	}), "--platform", "meta", ".json"),
	"intake/whatsapp-new-type": become(func(list []activity) bool {
		return len(list) == 1 && (list[0].Parked != "" || list[0].Type == "message" && list[0].Text == "" && list[0].Actor.ID == "15550001234")
	}, "--platform", "meta", ".json"),
	"intake/whatsapp-phone-then-bsuid": {steps: posted("meta", "200", map[string]any{"verify_token": "a token of ours"}, "-1.json", "-2.json"), look: onePerson},
}
