package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// Prices in dollars, us-east-1, on demand, arm64: see docs/cost.md for their
// date and source.
const (
	perMillionHTTP    = 1.00
	perMillionSQS     = 0.40
	perMillionInvokes = 0.20
	perGBSecond       = 0.0000133334
	perMillionWRU     = 0.625
	perMillionRRU     = 0.125
	perMillionPuts    = 5.00
	perMillionGets    = 0.40
	perGBLogs         = 0.50
	perMillionTicks   = 1.00 // EventBridge Scheduler
	perAlarm          = 0.10 // a month, for each metric of an alarm
	perMetric         = 0.30 // a month, for the hours in which it has a figure
	perSecret         = 0.40 // a month
)

// What is assumed, since nothing here can measure it.
const (
	logBytesPerLine     = 450   // of ours; the lines of Lambda itself come to platformLogBytes
	platformLogBytes    = 700   // start and report of an invocation, where the template doesn't turn them off
	secondsPerRoundTrip = 0.004 // DynamoDB, SQS and S3 from a Lambda, mean
	roundTripsAtOnce    = 4     // a function waits for so many of them together, mean
	intakeSeconds       = 0.008 // of a request in intake: one call of SQS
	monthSeconds        = 30 * 24 * 3600
	codeMetrics         = 4  // that log lines of ours hold: internal/emf
	idlePollers         = 5  // that Lambda keeps asking each queue
	idlePollSeconds     = 20 // how long each asks
)

// usage is what some activities took of everything that costs.
type usage struct {
	activities  float64
	write, read float64            // DynamoDB's units
	requests    float64            // of SQS
	invocations map[string]float64 // by function
	seconds     map[string]float64 // of processor time by function
	trips       map[string]float64 // round trips by function
	puts, gets  float64            // of S3
	lines       float64            // of our logs
}

func newUsage() *usage {
	return &usage{invocations: map[string]float64{}, seconds: map[string]float64{}, trips: map[string]float64{}}
}

// template is what the bench reads from template.yaml, so that the figures
// are those of what is deployed.
type template struct {
	text     string
	memory   map[string]float64 // MB by function's resource name
	batch    map[string]float64 // BatchSize by function's resource name
	window   map[string]float64 // MaximumBatchingWindowInSeconds
	quiet    bool               // Lambda's own lines are not logged in the hot path
	alarms   float64            // by the metrics they look at
	metrics  float64            // of our own, that the template counts from log lines
	secrets  float64
	queues   float64            // that functions are fed from
	perMonth map[string]float64 // ticks a month, by function's resource name
}

var (
	resource     = regexp.MustCompile(`(?m)^  ([A-Za-z]+):\n    Type: ([A-Za-z:0-9]+)`)
	memorySize   = regexp.MustCompile(`(?m)^      MemorySize: (\d+)`)
	batchSize    = regexp.MustCompile(`(?m)^            BatchSize: (\d+)`)
	batchTime    = regexp.MustCompile(`(?m)^            MaximumBatchingWindowInSeconds: (\d+)`)
	metricName   = regexp.MustCompile(`(?m)^ +MetricName:`)
	metricFilter = regexp.MustCompile(`MetricName: (\w+)`)
	rate         = regexp.MustCompile(`ScheduleExpression: rate\((\d+) (minute|hour|day)s?\)`)
)

func readTemplate(file string) (template, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return template{}, fmt.Errorf("the template, beside which the bench runs: %w", err)
	}
	t := template{text: string(b), memory: map[string]float64{}, batch: map[string]float64{}, window: map[string]float64{}, perMonth: map[string]float64{}}
	t.quiet = regexp.MustCompile(`SystemLogLevel: WARN`).MatchString(t.text)
	t.queues = float64(len(batchSize.FindAllString(t.text, -1)))
	counted := map[string]bool{} // metrics by name: several filters may count one
	at := resource.FindAllStringSubmatchIndex(t.text, -1)
	for i, m := range at {
		end := len(t.text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name, kind, body := t.text[m[2]:m[3]], t.text[m[4]:m[5]], t.text[m[0]:end]
		switch kind {
		case "AWS::CloudWatch::Alarm":
			t.alarms += float64(len(metricName.FindAllString(body, -1)))
		case "AWS::Logs::MetricFilter":
			if x := metricFilter.FindStringSubmatch(body); x != nil {
				counted[x[1]] = true
			}
		case "AWS::SecretsManager::Secret":
			t.secrets++
		case "AWS::Serverless::Function":
			t.memory[name] = 256
			if x := memorySize.FindStringSubmatch(body); x != nil {
				t.memory[name], _ = strconv.ParseFloat(x[1], 64)
			}
			if x := batchSize.FindStringSubmatch(body); x != nil {
				t.batch[name], _ = strconv.ParseFloat(x[1], 64)
			}
			if x := batchTime.FindStringSubmatch(body); x != nil {
				t.window[name], _ = strconv.ParseFloat(x[1], 64)
			}
			if x := rate.FindStringSubmatch(body); x != nil {
				n, _ := strconv.ParseFloat(x[1], 64)
				t.perMonth[name] = monthSeconds / (n * map[string]float64{"minute": 60, "hour": 3600, "day": 86400}[x[2]])
			}
		}
	}
	t.metrics = float64(len(counted))
	if len(t.memory) < 8 || t.queues < 3 {
		return t, fmt.Errorf("%s: %d functions and %d queues were found; is its form another by now?", file, len(t.memory), int(t.queues))
	}
	return t, nil
}

// cpuShare is the part of a processor that a function of some memory has: a
// whole one at 1,769 MB. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
func cpuShare(mb float64) float64 { return min(1, mb/1769) }

// dollars are the costs of a usage, by what they are paid for, per million activities.
func (t template) dollars(u *usage) map[string]float64 {
	per := func(x float64) float64 { return x / u.activities }
	out := map[string]float64{"http_api": perMillionHTTP}
	out["sqs"] = per(u.requests) * perMillionSQS
	invocations := 0.0
	for name, n := range u.invocations {
		invocations += n
		gb := t.memory[name] / 1024
		out["lambda_seconds"] += per(u.seconds[name]/cpuShare(t.memory[name])+u.trips[name]*secondsPerRoundTrip/roundTripsAtOnce) * gb * perGBSecond * 1e6
	}
	out["lambda_seconds"] += intakeSeconds * t.memory["IntakeFunction"] / 1024 * perGBSecond * 1e6
	out["lambda_requests"] = (1 + per(invocations)) * perMillionInvokes
	out["dynamodb_write"] = per(u.write) * perMillionWRU
	out["dynamodb_read"] = per(u.read) * perMillionRRU
	out["s3"] = per(u.puts)*perMillionPuts + per(u.gets)*perMillionGets
	lines := (1 + per(u.lines)) * logBytesPerLine
	if !t.quiet {
		lines += (1 + per(invocations)) * platformLogBytes
	}
	out["logs"] = lines * 1e6 / (1 << 30) * perGBLogs
	return out
}

var paidFor = []string{"http_api", "sqs", "lambda_requests", "lambda_seconds", "dynamodb_write", "dynamodb_read", "s3", "logs"}

// tellDollars prints the costs of a case, and their sum.
func tellDollars(name string, d map[string]float64) {
	total := 0.0
	for _, k := range paidFor {
		line("dollars_"+name+"_"+k, d[k], "USD/million")
		total += d[k]
	}
	line("dollars_per_million_"+name, total, "USD")
}

// tellQuiet prints what a stack costs in a month in which nothing happens,
// with one workspace and one source, and what each further quiet workspace adds.
// looks are the requests and units that a look at one quiet workspace takes.
func (t template) tellQuiet(look *usage) {
	polls := t.queues * idlePollers * monthSeconds / idlePollSeconds
	ticks, seconds := 0.0, 0.0
	for name, n := range t.perMonth {
		ticks += n
		seconds += n * 0.05 * t.memory[name] / 1024
	}
	// Each tick is asked of the scheduler, invoked, and writes a line.
	tick := ticks/1e6*(perMillionTicks+perMillionInvokes) + seconds*perGBSecond + ticks*(logBytesPerLine+platformLogBytes)/(1<<30)*perGBLogs
	more := look.monthly(t)
	line("dollars_quiet_sqs_polling", polls/1e6*perMillionSQS, "USD/month")
	line("dollars_quiet_ticks", tick, "USD/month")
	line("dollars_quiet_alarms", t.alarms*perAlarm, "USD/month")
	line("dollars_quiet_secrets", t.secrets*perSecret, "USD/month")
	line("dollars_quiet_workspace", more, "USD/month")
	line("dollars_per_month_quiet", polls/1e6*perMillionSQS+tick+t.alarms*perAlarm+t.secrets*perSecret+more, "USD")
	line("dollars_metrics_at_most", (t.metrics+codeMetrics)*perMetric, "USD/month") // none has a figure where nothing happens
	line("dollars_per_month_further_quiet_workspace", more, "USD")
}

// monthly is what looks at one workspace come to in a month.
func (u *usage) monthly(t template) float64 {
	looks := t.perMonth["WatchFunction"]
	d := looks * (u.write*perMillionWRU + u.read*perMillionRRU + u.requests*perMillionSQS + perMillionInvokes) / 1e6
	return d + looks*(0.03*t.memory["WatchFunction"]/1024*perGBSecond+(logBytesPerLine+platformLogBytes)/float64(1<<30)*perGBLogs)
}
