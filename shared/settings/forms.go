package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/subject"
	"revento-alerts/shared/ground/written"
)

func duration(least, most time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		value, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("write a number and its unit, from %s to %s: 90s, 5m or 12h", least, most)
		}
		if value < least || value > most {
			return 0, fmt.Errorf("set it from %s to %s", least, most)
		}
		return value, nil
	}
}

func integer(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		value, err := strconv.Atoi(text)
		if err != nil || value < least || value > most {
			return 0, fmt.Errorf("set it to a whole number from %d to %d", least, most)
		}
		return value, nil
	}
}

// days reads a whole number of days.
func days(least, most int) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		count, err := integer(least, most)(text)
		return time.Duration(count) * oneDay, err
	}
}

func boolean(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errors.New("write true or false")
	}
	return text == "true", nil
}

func nonEmpty(text string) (string, error) {
	if text == "" {
		return "", errors.New("it must not be empty")
	}
	return text, nil
}

var environmentForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

func environmentName(text string) (string, error) {
	if !environmentForm.MatchString(text) {
		return "", fmt.Errorf("write %s", environment.Form)
	}
	return text, nil
}

func level(text string) (level slog.Level, err error) {
	if !slices.Contains([]string{"DEBUG", "INFO", "WARN", "ERROR"}, text) {
		return 0, fmt.Errorf("write %s", logLevel.Form)
	}
	return level, level.UnmarshalText([]byte(text))
}

func channelID(text string) (string, error) {
	if !route.IsChannelID(text) {
		return "", errors.New("write the channel's id, such as C0123456789: Slack shows it at the end of the channel's details")
	}
	return text, nil
}

var fieldPattern = regexp.MustCompile(`^\*?[A-Za-z0-9_.-]*\*?$`)

func fieldFilter(text string) (alert.FieldFilter, error) {
	patterns, err := fieldPatterns(text)
	return alert.NewFieldFilter(patterns), err
}

// deletionFieldFilter reads the fields of a deletion request that are about the connection.
func deletionFieldFilter(text string) (alert.FieldFilter, error) {
	patterns, err := fieldPatterns(text)
	for _, pattern := range patterns {
		if subject.NamesPerson(pattern) {
			return alert.FieldFilter{}, fmt.Errorf("%q names a person: remove it: what it holds may not be about the whole connection", pattern)
		}
	}
	return alert.NewFieldFilter(patterns), err
}

func fieldPatterns(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	patterns, err := written.List(text)
	if err != nil {
		return nil, err
	}
	for _, pattern := range patterns {
		if pattern == "" || !fieldPattern.MatchString(pattern) {
			return nil, fmt.Errorf("%q is not a field's name: write %s", pattern, alertFields.Form)
		}
	}
	return patterns, nil
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

func link(text string) (alert.LinkTemplate, error) {
	if text == "" {
		return "", nil
	}
	for _, name := range placeholder.FindAllString(text, -1) {
		if !slices.Contains(alert.Placeholders, name) {
			return "", fmt.Errorf("%s is not known: use %s", name, strings.Join(alert.Placeholders, ", "))
		}
	}
	if _, err := webURL(placeholder.ReplaceAllString(text, "x")); err != nil {
		return "", err
	}
	return alert.LinkTemplate(text), nil
}

// baseURL is a URL that paths are appended to; the slash at its end may be missing.
func baseURL(text string) (string, error) {
	parsed, err := webURL(text)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(parsed.String(), "/") + "/", nil
}

// originURL is a URL without a path.
func originURL(text string) (string, error) {
	parsed, err := webURL(text)
	if err != nil {
		return "", err
	}
	if strings.Trim(parsed.Path, "/") != "" {
		return "", fmt.Errorf("remove the path %s: it is appended", parsed.Path)
	}
	return parsed.Scheme + "://" + parsed.Host, nil
}

func webURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return nil, errors.New("write a URL that begins with https://")
	}
	if parsed.User != nil {
		return nil, errors.New("remove the user from the URL")
	}
	return parsed, nil
}
