package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// words are what one thing is called wherever a person reads of it, and what it is not called. Names of settings are none of these.
var words = map[string]*regexp.Regexp{
	"bot token":         regexp.MustCompile(`(?i)\bslack('s)? token\b`),
	"integration key":   regexp.MustCompile(`(?i)\brouting key\b|\bPagerDuty('s)? key\b`),
	"data folder":       regexp.MustCompile(`(?i)\bdata director(y|ies)\b|\bstate (folder|directory)\b|\bfolder that holds\b`),
	"dead-letter queue": regexp.MustCompile(`\bDLQs?\b|(?i)\bdead letter queue`),
	"organization":      regexp.MustCompile(`(?i)\borganis`),
	"delivery id":       regexp.MustCompile(`\b[Dd]elivery ID`),
	"webhook URL":       regexp.MustCompile(`(?i)\bwebhook's address|\bwebhook address`),
}

// One thing has one name: in the help, on the console, in logs, hints and documents.
func TestOneThingHasOneName(t *testing.T) {
	for _, pattern := range []string{
		"../../README.md", "../../docs/*", "../../cmd/revento-alerts/testdata/help-*.txt", "../../shared/operate/console/page/*",
		"../../template.yaml", "../../samconfig.toml",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				lookAtWords(t, path, line)
			}
		}
	}
	for _, root := range []string{"../../cmd", "../../shared", "../../functions"} {
		if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				ast.Inspect(file, func(node ast.Node) bool { return lookAtLiteral(t, path, node) })
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// lookAtLiteral looks at the texts of a program. A text that is compared with a provider's answer has the provider's words.
func lookAtLiteral(t *testing.T, path string, node ast.Node) bool {
	if literal, isText := node.(*ast.BasicLit); isText && literal.Kind == token.STRING {
		lookAtWords(t, path, literal.Value)
	}
	call, isCall := node.(*ast.CallExpr)
	if !isCall {
		return true
	}
	called, isSelector := call.Fun.(*ast.SelectorExpr)
	return !isSelector || called.Sel.Name != "Contains"
}

func lookAtWords(t *testing.T, path, text string) {
	for word, not := range words {
		if found := not.FindString(text); found != "" {
			t.Errorf("%s says %q where everything else says %q: %s", path, found, word, strings.TrimSpace(text))
		}
	}
}
