// Package installation names the installation that a text is about, in the commands that people are told to type: a hint without
// it leads to another installation, or to none.
package installation

import "strings"

// The flags that name an installation to the commands.
const (
	flagData  = "--data"
	flagStack = "--stack"
)

// Name is what a command needs to reach an installation. The zero value is the default data folder's, which needs nothing.
type Name struct{ flag, value string }

// OnMachine names the installation of a data folder.
func OnMachine(dataDir string) Name { return Name{flagData, dataDir} }

// OnStack names a deployed stack.
func OnStack(stack string) Name { return Name{flagStack, stack} }

// Flag is the flag with its value as a shell takes them, such as "--stack NAME", or "".
func (n Name) Flag() string {
	if n.flag == "" {
		return ""
	}
	return n.flag + " " + word(n.value)
}

// Command is a command about this installation as a person types it; arguments are such as "deletions list".
func (n Name) Command(arguments string) string {
	return strings.TrimRight("revento-alerts "+arguments+" "+n.Flag(), " ")
}

// plain are the characters that no shell reads as anything but themselves, beside letters and digits.
const plain = "-_./:@%+=,"

// word is a value as one word of a POSIX shell: as it is, or in quotation marks.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_03
func word(value string) string {
	if value != "" && !strings.ContainsFunc(value, func(r rune) bool { return !isPlain(r) }) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + `"`
}

func isPlain(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(plain, r)
}
