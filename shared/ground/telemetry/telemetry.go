// Package telemetry writes one wide JSON line for each unit of work: what it was about, how it ended, how long it took. On AWS
// the same line carries CloudWatch metrics in the embedded metric format, so that a metric costs no call.
// Callers put neither secrets nor personal data into a line.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"revento-alerts/shared/ground/clip"
)

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "revento-alerts"

// Unit is a metric's unit, as CloudWatch names it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Logger makes lines.
type Logger struct {
	log     *slog.Logger
	now     func() time.Time
	stack   string
	metrics bool
}

// Options say how a Logger writes.
type Options struct {
	Level slog.Level
	// Stack is on every line and the first dimension of every metric.
	Stack string
	// Metrics adds the embedded metric format to the lines. It is for functions on AWS, whose log CloudWatch reads.
	Metrics bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// New returns a Logger that writes JSON lines to w, in which nothing is hidden: a person may look at them in a terminal.
func New(w io.Writer, options Options) *Logger {
	if options.Now == nil {
		options.Now = time.Now
	}
	handler := slog.NewJSONHandler(clip.NewWriter(w), &slog.HandlerOptions{Level: options.Level})
	log := slog.New(handler).With(slog.String("stack", options.Stack))
	return &Logger{log: log, now: options.Now, stack: options.Stack, metrics: options.Metrics}
}

// Slog is the logger beneath, for what is no unit of work, such as a warning at start.
func (l *Logger) Slog() *slog.Logger { return l.log }

// Line is the log line of one unit of work. It is written once, by End. It is not safe for concurrent use.
type Line struct {
	logger     *Logger
	unit       string
	begun      time.Time
	level      slog.Level
	attributes []slog.Attr
	dimensions []string
	metrics    []metric
}

type metric struct {
	Name string `json:"Name"`
	Unit Unit   `json:"Unit"`
}

// Begin starts the line of a unit of work, such as "delivery" or "alert".
func (l *Logger) Begin(unit string) *Line {
	return &Line{logger: l, unit: unit, begun: l.now(), level: slog.LevelInfo}
}

// Set adds an attribute.
func (l *Line) Set(key string, value any) { l.attributes = append(l.attributes, slog.Any(key, value)) }

// Text returns the text that was set last for a key, or "".
func (l *Line) Text(key string) string {
	for _, attribute := range slices.Backward(l.attributes) {
		if attribute.Key == key {
			return attribute.Value.String()
		}
	}
	return ""
}

// Dimension adds an attribute that splits the line's metrics.
func (l *Line) Dimension(key, value string) {
	l.attributes = append(l.attributes, slog.String(key, value))
	l.dimensions = append(l.dimensions, key)
}

// Measure adds a metric, which is an attribute as well.
func (l *Line) Measure(name string, unit Unit, value int64) {
	l.attributes = append(l.attributes, slog.Int64(name, value))
	l.metrics = append(l.metrics, metric{Name: name, Unit: unit})
}

// Count adds a metric that counts one occurrence.
func (l *Line) Count(name string) { l.Measure(name, Count, 1) }

// Raise lifts the line's level to at least level.
func (l *Line) Raise(level slog.Level) { l.level = max(l.level, level) }

// End writes the line.
func (l *Line) End(ctx context.Context) {
	now := l.logger.now()
	l.attributes = append(l.attributes, slog.Int64("duration_ms", now.Sub(l.begun).Milliseconds()))
	if l.logger.metrics && len(l.metrics) > 0 {
		l.measured(ctx, now)
		return
	}
	l.logger.log.LogAttrs(ctx, l.level, l.unit, l.attributes...)
}

// measured writes a line that carries metrics, whatever the level: alarms live on them.
func (l *Line) measured(ctx context.Context, now time.Time) {
	line := slog.NewRecord(now, l.level, l.unit, 0)
	line.AddAttrs(l.attributes...)
	line.AddAttrs(slog.Any("_aws", l.embedded(now)))
	// A log that cannot be written has nowhere to be reported to.
	_ = l.logger.log.Handler().Handle(ctx, line)
}

// The embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type embedded struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

func (l *Line) embedded(now time.Time) embedded {
	dimensions := append([]string{"stack"}, l.dimensions...)
	return embedded{
		Timestamp:         now.UnixMilli(),
		CloudWatchMetrics: []directive{{Namespace: Namespace, Dimensions: [][]string{dimensions}, Metrics: l.metrics}},
	}
}
