package local

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"rapport/internal/api"
	"rapport/internal/emf"
	"rapport/internal/ingest"
)

// resource is what the tests of the template read of one; short forms of
// intrinsic functions stand as their arguments.
type resource struct {
	Type                string         `yaml:"Type"`
	DeletionPolicy      string         `yaml:"DeletionPolicy"`
	UpdateReplacePolicy string         `yaml:"UpdateReplacePolicy"`
	Properties          map[string]any `yaml:"Properties"`
}

func readTemplate(t *testing.T) (map[string]resource, string) {
	t.Helper()
	raw, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Resources map[string]resource `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out.Resources, string(raw)
}

func of(resources map[string]resource, kind string) map[string]resource {
	out := map[string]resource{}
	for name, r := range resources {
		if r.Type == kind {
			out[name] = r
		}
	}
	return out
}

// TestEachAlarmHasItsRunbook: whoever is woken finds what to do by the alarm's text.
func TestEachAlarmHasItsRunbook(t *testing.T) {
	resources, _ := readTemplate(t)
	book, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{} // by anchor, as GitHub makes it of a heading
	for _, part := range strings.Split(string(book), "\n## ")[1:] {
		heading, body, _ := strings.Cut(part, "\n")
		parts[strings.ReplaceAll(strings.ToLower(heading), " ", "-")] = body
	}
	alarms := of(resources, "AWS::CloudWatch::Alarm")
	if len(alarms) < 10 {
		t.Fatalf("%d alarms are found", len(alarms))
	}
	for id, a := range alarms {
		name := strings.TrimPrefix(fmt.Sprint(a.Properties["AlarmName"]), "${AWS::StackName}-")
		_, anchor, _ := strings.Cut(fmt.Sprint(a.Properties["AlarmDescription"]), "docs/runbooks.md#")
		body, there := parts[anchor]
		switch {
		case !there:
			t.Errorf("%s: docs/runbooks.md has no part %q", id, anchor)
		case !strings.Contains(body, "`"+name+"`"):
			t.Errorf("%s: the part %q of docs/runbooks.md does not name %s", id, anchor, name)
		}
		if a.Properties["AlarmActions"] == nil || a.Properties["OKActions"] == nil {
			t.Errorf("%s tells nobody", id)
		}
	}
}

// TestRunbooksAskForTheMessage: what slog calls msg, Lambda's logger calls message.
func TestRunbooksAskForTheMessage(t *testing.T) {
	book, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(book), `filter message = "`) {
		t.Error("docs/runbooks.md asks for no message: is this test of use?")
	}
	if asked := regexp.MustCompile(`.*\bmsg\b.*`).FindString(string(book)); asked != "" {
		t.Errorf("no line of a log has the field msg: %s", asked)
	}
}

// TestParametersReachWhatIsPublished: callers of a function with an alias get a published version, and SAM
// publishes none for a parameter's new value: each deployment gives such a function code of its own.
func TestParametersReachWhatIsPublished(t *testing.T) {
	resources, _ := readTemplate(t)
	script, err := os.ReadFile("deploy.sh")
	if err != nil {
		t.Fatal(err)
	}
	var published []string
	for id, f := range of(resources, "AWS::Serverless::Function") {
		if f.Properties["AutoPublishAlias"] != nil {
			published = append(published, id)
		}
	}
	m := regexp.MustCompile(`(?m)^for f in (.*); do date .*/deployed"; done$`).FindStringSubmatch(string(script))
	if m == nil {
		t.Fatal("deploy.sh marks no function as deployed anew")
	}
	marked := strings.Fields(m[1])
	slices.Sort(published)
	slices.Sort(marked)
	if !slices.Equal(published, marked) {
		t.Errorf("functions with an alias: %v; deploy.sh gives code of their own to %v", published, marked)
	}
}

// TestMetricsAreCounted: what alarms and dashboard show of our own is counted by a log line.
func TestMetricsAreCounted(t *testing.T) {
	resources, text := readTemplate(t)
	counted := []string{emf.Activities, emf.Refused, emf.Parked, emf.Lag}
	for _, f := range of(resources, "AWS::Logs::MetricFilter") {
		for _, m := range f.Properties["MetricTransformations"].([]any) {
			counted = append(counted, m.(map[string]any)["MetricName"].(string))
		}
	}
	shown := map[string]bool{}
	for id, a := range of(resources, "AWS::CloudWatch::Alarm") {
		if a.Properties["Namespace"] == "Rapport/${AWS::StackName}" {
			name := a.Properties["MetricName"].(string)
			if shown[name] = true; !slices.Contains(counted, name) {
				t.Errorf("%s looks at %s, which nothing counts", id, name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\["Rapport/\$\{AWS::StackName\}", "(\w+)"`).FindAllStringSubmatch(text, -1) {
		if shown[m[1]] = true; !slices.Contains(counted, m[1]) {
			t.Errorf("the dashboard shows %s, which nothing counts", m[1])
		}
	}
	for _, name := range counted {
		if !shown[name] {
			t.Errorf("%s costs, and neither an alarm nor the dashboard shows it", name)
		}
	}
}

// TestRolesAreWrittenOut: SAM would give a function without a role of its own
// managed policies, which reach every queue and log.
func TestRolesAreWrittenOut(t *testing.T) {
	resources, text := readTemplate(t)
	functions := of(resources, "AWS::Serverless::Function")
	if len(functions) < 10 {
		t.Fatalf("%d functions are found", len(functions))
	}
	for id, f := range functions {
		if want := strings.TrimSuffix(id, "Function") + "Role.Arn"; f.Properties["Role"] != want || f.Properties["Policies"] != nil {
			t.Errorf("%s: its role is %v, want %s and no policies beside it", id, f.Properties["Role"], want)
		}
	}
	for id, r := range of(resources, "AWS::IAM::Role") {
		if r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s: policies of AWS reach further than one function", id)
		}
		for _, p := range r.Properties["Policies"].([]any) {
			for _, s := range p.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				statement, ok := s.(map[string]any)
				if !ok {
					statement = s.([]any)[1].(map[string]any) // of an !If
				}
				sid := fmt.Sprint(statement["Sid"])
				if statement["Resource"] == "*" && sid != "Trace" && (sid != "SendMail" || statement["Condition"] == nil) {
					t.Errorf("%s: %s is allowed on everything", id, sid)
				}
				if strings.Contains(fmt.Sprint(statement["Action"]), "*") {
					t.Errorf("%s: %s allows more than it names", id, sid)
				}
			}
		}
	}
	if n := strings.Count(text, "Table.Arn"); n != 1 {
		t.Errorf("Table.Arn is named %d times: what a function may do is said of TableInUse.Value, which holds after a restore, too", n)
	}
}

// TestTicks: no tick is done twice, a second stack may stand beside, and the
// alarm knows how many there are.
func TestTicks(t *testing.T) {
	resources, _ := readTemplate(t)
	rate := regexp.MustCompile(`^rate\((\d+) (minute|hour)s?\)$`)
	perHour, ticks := 0, 0
	for id, f := range of(resources, "AWS::Serverless::Function") {
		for _, e := range f.Properties["Events"].(map[string]any) {
			event := e.(map[string]any)
			if event["Type"] != "ScheduleV2" {
				continue
			}
			ticks++
			p := event["Properties"].(map[string]any)
			if p["OmitName"] != true || p["GroupName"] != "Schedules" {
				t.Errorf("%s: the schedule has a name that another stack's has, or is in no group of the stack", id)
			}
			m := rate.FindStringSubmatch(p["ScheduleExpression"].(string))
			if m == nil {
				t.Fatalf("%s: %v", id, p["ScheduleExpression"])
			}
			n, _ := strconv.Atoi(m[1])
			perHour += map[string]int{"minute": 60, "hour": 1}[m[2]] / n
			again, _ := f.Properties["EventInvokeConfig"].(map[string]any)
			if again["MaximumRetryAttempts"] != 0 {
				t.Errorf("%s: Lambda does a failed tick again", id)
			}
		}
	}
	if got := resources["TicksMissing"].Properties["Threshold"]; ticks != 5 || got != perHour-2 {
		t.Errorf("an hour has %d ticks of %d schedules, and the alarm wants %v", perHour, ticks, got)
	}
}

// TestWhatIsKept: the data outlives the stack, but not a creation that failed.
func TestWhatIsKept(t *testing.T) {
	resources, _ := readTemplate(t)
	for _, id := range []string{"Table", "Bucket", "UserPool", "ErasureKey"} {
		if r := resources[id]; r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s: %+v", id, r)
		}
	}
	// Another name is another secret: nobody could tell any more who was erased.
	if got := resources["ErasureKey"].Properties["Name"]; got != "/rapport/${AWS::StackName}/erasure-key" {
		t.Errorf("the erasure key's name is %v", got)
	}
}

// TestAccessLogCannotBeForged: of what API Gateway logs without quoting, only
// what it makes itself is asked for: no message, nothing that a caller sends.
func TestAccessLogCannotBeForged(t *testing.T) {
	resources, _ := readTemplate(t)
	format := resources["HttpApi"].Properties["AccessLogSettings"].(map[string]any)["Format"].(string)
	safe := []string{"requestId", "requestTime", "identity.sourceIp", "routeKey", "status", "responseLength", "responseLatency", "error.responseType", "integrationStatus"}
	found := regexp.MustCompile(`"\$context\.([\w.]+)"`).FindAllStringSubmatch(format, -1)
	if len(found) != strings.Count(format, "$") {
		t.Errorf("a value is not quoted: %s", format)
	}
	for _, m := range found {
		if !slices.Contains(safe, m[1]) {
			t.Errorf("$context.%s may hold a quote", m[1])
		}
	}
}

// TestCheckWaitsForItsBatches: on a quiet stack each batch on the way of a source check waits its
// whole window, and the check must not give up before.
func TestCheckWaitsForItsBatches(t *testing.T) {
	resources, _ := readTemplate(t)
	window := func(function, event string) time.Duration {
		t.Helper()
		events, _ := resources[function].Properties["Events"].(map[string]any)
		e, _ := events[event].(map[string]any)
		p, _ := e["Properties"].(map[string]any)
		seconds, ok := p["MaximumBatchingWindowInSeconds"].(int)
		if !ok {
			t.Fatalf("%s has no event %s with a window", function, event)
		}
		return time.Duration(seconds) * time.Second
	}
	const work = 5 * time.Second // a cold start and what is done, of each function
	way := window("IngestFunction", "Replays") + work + max(window("ScoreFunction", "Scoring"), window("FeedbackFunction", "Feedback")) + work
	if ingest.CheckWaits >= api.CheckTime {
		t.Errorf("what comes %s after a source check began would be kept, and nobody takes it away after %s", ingest.CheckWaits, api.CheckTime)
	}
	if way > api.CheckTime {
		t.Errorf("a source check may be on its way for %s, and is given up after %s", way, api.CheckTime)
	}
}
