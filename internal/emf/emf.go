// Package emf counts in log lines, of which CloudWatch makes metrics: the
// embedded metric format. A line is written anyway, so that only the metrics
// cost, each by the hours in which it has a figure: there are few of them, and
// none has a dimension. Beside them the template counts Failed and Failures
// from lines that are not ours.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package emf

import (
	"log/slog"
	"os"
	"time"
)

// The metrics.
const (
	Activities = "Activities" // that deliveries held
	Refused    = "Refused"    // deliveries to apps that exist
	Parked     = "Parked"     // activities that wait for what they need
	Lag        = "Lag"        // seconds from a delivery's receipt to the leads it changed
)

// Metric is a figure, or several, that a log line counts.
type Metric struct {
	name, unit string
	value      any // nil: none
}

// Count is a number of things; none of them is not counted.
func Count(name string, n int) Metric {
	if n == 0 {
		return Metric{name: name}
	}
	return Metric{name, "Count", n}
}

// maxFigures is how many figures of a metric a line may hold.
const maxFigures = 100

// Seconds are how long things took, the first hundred of them.
func Seconds(name string, each []time.Duration) Metric {
	var out []float64
	for _, d := range each[:min(len(each), maxFigures)] {
		out = append(out, d.Seconds())
	}
	if len(out) == 0 {
		return Metric{name: name}
	}
	return Metric{name, "Seconds", out}
}

// namespace is the stack's own, so that stacks of an account stay apart.
var namespace = "Rapport/" + os.Getenv("STACK")

// Attrs are what a line of that instant is given to count metrics: nothing
// where there is no figure.
func Attrs(at time.Time, metrics ...Metric) []slog.Attr {
	var out []slog.Attr
	var defined []map[string]string
	for _, m := range metrics {
		if m.value != nil {
			out = append(out, slog.Any(m.name, m.value))
			defined = append(defined, map[string]string{"Name": m.name, "Unit": m.unit})
		}
	}
	if out == nil {
		return nil
	}
	return append(out, slog.Any("_aws", map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": []any{
		map[string]any{"Namespace": namespace, "Dimensions": [][]string{{}}, "Metrics": defined}}}))
}
