package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wings are the folders of shared/ in their order. A package imports only packages of its own wing and of wings before it:
//
//	local       one machine                  } what runs it: the same handlers, other engines
//	aws         Amazon's services            }
//	wiring      what is put together
//	web         what browsers of the public get
//	operate     what people ask and do
//	provider    Slack, PagerDuty and their recorder
//	settings    names, forms, defaults
//	connection  a connection's life          } the rules
//	alerting    from webhook to message      }
//	revento     what Revento sends and answers
//	ground      what everything stands on
//
// testkit, which only tests use, stands on all.
var wings = []string{
	"ground", "revento", "alerting", "connection", "settings", "provider", "operate", "web", "wiring", "aws", "local", "testkit",
}

const (
	maxWings    = 12
	maxPackages = 12
)

// technologies are the modules of others that shared/ imports, each with the one wing that does: what is behind an interface stays there.
// A wing that is not named imports only Go's own library.
var technologies = map[string]string{
	"github.com/aws/":           "aws",
	"modernc.org/sqlite":        "local",
	"github.com/slack-go/slack": "provider",
	"github.com/PagerDuty/":     "provider",
	"golang.org/x/oauth2":       "revento",
	// An owner's token and a delivery id.
	"github.com/google/uuid": "",
}

// names are what technologies are called: nothing outside their wing is named after one.
var names = map[string]string{
	"dynamodb": "aws", "sqs": "aws", "eventbridge": "aws", "cloudformation": "aws", "secretsmanager": "aws", "lambda": "aws",
	"sqlite": "local",
}

const shared = module + "shared/"

// wingOf is the wing of a package of shared/, by its path alone.
func wingOf(importPath string) string {
	wing, _, _ := strings.Cut(strings.TrimPrefix(importPath, shared), "/")
	return wing
}

func TestEveryFolderOfSharedIsAWingThatSaysWhatItIs(t *testing.T) {
	entries, err := os.ReadDir("../../shared")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if want := slices.Sorted(slices.Values(wings)); !slices.Equal(got, want) {
		t.Errorf("shared/ holds %v, want %v", got, want)
	}
	if len(got) > maxWings {
		t.Errorf("shared/ holds %d names, want %d at the most", len(got), maxWings)
	}
	begin := regexp.MustCompile(`(?m)^// Begin with ([\w/]+\.go)`)
	for _, wing := range wings {
		text, err := os.ReadFile("../../shared/" + wing + "/doc.go")
		if err != nil {
			t.Errorf("the wing %s says nowhere what it is: %v", wing, err)
			continue
		}
		first := begin.FindSubmatch(text)
		if first == nil {
			t.Errorf("%s/doc.go does not say where to begin", wing)
			continue
		}
		// A wing that is a package itself names its own files with its name before them.
		name := strings.TrimPrefix(string(first[1]), wing+"/")
		if _, err := os.Stat("../../shared/" + wing + "/" + name); err != nil {
			t.Errorf("%s/doc.go begins with a file that is not there: %v", wing, err)
		}
	}
}

func TestNoWingHasTooManyPackages(t *testing.T) {
	packages := map[string]int{}
	for _, p := range list(t, "./shared/...") {
		packages[wingOf(p.ImportPath)]++
	}
	for wing, count := range packages {
		if count > maxPackages+1 { // and the wing's own, which holds its doc.go
			t.Errorf("the wing %s holds %d packages, want %d at the most", wing, count-1, maxPackages)
		}
	}
}

func TestAWingImportsOnlyWingsBelowIt(t *testing.T) {
	for _, p := range list(t, "./shared/...") {
		own := slices.Index(wings, wingOf(p.ImportPath))
		for _, imported := range p.Imports {
			switch {
			case imported == module+"events":
			case !strings.HasPrefix(imported, module):
			case !strings.HasPrefix(imported, shared):
				t.Errorf("%s imports %s, which is not in shared/", p.ImportPath, imported)
			case slices.Index(wings, wingOf(imported)) > own:
				t.Errorf("%s imports %s: the wing %s stands above %s; put an interface between them", p.ImportPath, imported,
					wingOf(imported), wingOf(p.ImportPath))
			}
		}
	}
}

// What only tests import is in the wing testkit, and nothing that runs imports it.
func TestNothingThatRunsImportsWhatOnlyTestsUse(t *testing.T) {
	for _, p := range list(t, "./shared/...", "./functions/...", "./cmd/...") {
		if wingOf(p.ImportPath) == "testkit" {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, shared+"testkit/") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestATechnologyIsImportedInOneWingOnly(t *testing.T) {
	for _, p := range list(t, "./shared/...") {
		wing := wingOf(p.ImportPath)
		for _, imported := range p.Imports {
			isOthers := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
			if isOthers && wing != "testkit" && !mayImport(wing, imported) {
				t.Errorf("%s imports %s: put an interface between them, or say in this test whose it is", p.ImportPath, imported)
			}
		}
	}
}

func mayImport(wing, imported string) bool {
	for prefix, its := range technologies {
		if strings.HasPrefix(imported, prefix) {
			return its == "" || its == wing
		}
	}
	return false
}

// What wiring puts together comes as interfaces, so that it is the same wherever it runs; only the operator's side names providers.
func TestTheWiringOfFunctionsNamesNoProvider(t *testing.T) {
	const operator = shared + "wiring/operator"
	for _, p := range list(t, "./shared/wiring/...") {
		for _, imported := range p.Imports {
			above := slices.Contains([]string{"provider", "operate"}, wingOf(imported)) || imported == operator
			if p.ImportPath != operator && strings.HasPrefix(imported, shared) && above {
				t.Errorf("%s imports %s: put an interface between them", p.ImportPath, imported)
			}
		}
	}
}

func TestNothingIsNamedAfterATechnologyOfAnotherWing(t *testing.T) {
	err := filepath.WalkDir("../../shared", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		relative, err := filepath.Rel("../../shared", path)
		if err != nil {
			return err
		}
		own := wingOf(shared + filepath.ToSlash(relative))
		declared, err := declaredIn(path)
		if err != nil {
			return err
		}
		for _, name := range append(declared, strings.TrimSuffix(relative, ".go")) {
			for technology, wing := range names {
				if wing != own && strings.Contains(strings.ToLower(name), technology) {
					t.Errorf("shared/%s: %s is named after a technology of the wing %s", relative, name, wing)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// declaredIn are the names of what a file declares: functions, types, fields, constants, variables.
func declaredIn(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("read the names that are declared: %w", err)
	}
	var declared []string
	add := func(names ...*ast.Ident) {
		for _, name := range names {
			declared = append(declared, name.Name)
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			add(node.Name)
		case *ast.TypeSpec:
			add(node.Name)
		case *ast.ValueSpec:
			add(node.Names...)
		case *ast.Field:
			add(node.Names...)
		}
		return true
	})
	return declared, nil
}
