package settings

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"revento-alerts/shared/ground/written"
)

// Setting is a row of the table of settings.
type Setting struct {
	// Parameter is the template's name for it.
	Parameter string
	// Default is the value in force where none is set; see Required.
	Default string
	// Required says that there is no default.
	Required bool
	// Form is what a value looks like, for messages and documents.
	Form string
}

// Variable is the name that functions and serve read: "SlackPostInterval" is SLACK_POST_INTERVAL.
func (s Setting) Variable() string {
	var name strings.Builder
	for i, r := range s.Parameter {
		if i > 0 && unicode.IsUpper(r) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToUpper(r))
	}
	return name.String()
}

// Source looks a variable up, as os.LookupEnv does.
type Source func(variable string) (value string, set bool)

// reader reads settings and gathers what is wrong with them, so that a person mends all at once.
type reader struct {
	source   Source
	failures []error
}

func (r *reader) fail(format string, arguments ...any) {
	r.failures = append(r.failures, fmt.Errorf(format, arguments...))
}

func (r *reader) err() error { return errors.Join(r.failures...) }

// read returns a setting's value, parsed; a failure is gathered and the zero value returned.
func read[T any](r *reader, setting Setting, parse func(string) (T, error)) T {
	text, set := r.source(setting.Variable())
	text = written.Value(text)
	if !set {
		text = setting.Default
	}
	if set && text == "" && setting.Default != "" {
		r.fail("%s (%s) is empty: remove it, and its default %s is in force, or write %s",
			setting.Parameter, setting.Variable(), setting.Default, setting.Form)
		return *new(T)
	}
	if !set && setting.Required {
		r.fail("%s (%s) is not set: set it to %s", setting.Parameter, setting.Variable(), setting.Form)
		return *new(T)
	}
	value, err := parse(text)
	if err != nil {
		r.fail("%s (%s) is %q: %w", setting.Parameter, setting.Variable(), text, err)
	}
	return value
}

// Resource returns a variable that names a resource of the stack, such as DELIVERIES_TABLE.
func Resource(source Source, variable string) (string, error) {
	if value, _ := source(variable); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("%s is not set: the template sets it on AWS, events/env.json for sam local", variable)
}
