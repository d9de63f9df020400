// Package events holds a sample body for every trigger type. Their ids say that they are samples. Where the guide shows no
// fields of a type's data, a sample has only an id; a name that ends in ".sample" stands for a type that the guide does
// not name.
package events

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed deliveries/*.json
var deliveries embed.FS

const (
	folder = "deliveries/"
	suffix = ".json"
)

// Types lists the types that there are samples of, sorted.
func Types() []string {
	names, err := fs.Glob(deliveries, folder+"*"+suffix)
	if err != nil {
		panic("events: the pattern is wrong: " + err.Error())
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(name, folder), suffix)
	}
	return names
}

// Body returns the sample body of a type, or an error that lists the types.
func Body(eventType string) ([]byte, error) {
	body, err := deliveries.ReadFile(folder + eventType + suffix)
	if err != nil {
		return nil, fmt.Errorf("there is no sample of %q; there are: %s", eventType, strings.Join(Types(), ", "))
	}
	return body, nil
}
