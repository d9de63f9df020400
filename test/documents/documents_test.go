package documents_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/settings"
	"revento-alerts/test/documents"
)

const root = "../.."

// maxReadme is how many lines somebody reads who has never heard of this.
const maxReadme = 140

func TestTheReadmeIsShort(t *testing.T) {
	if lines := strings.Count(documents.Pages(t, root)[0].Text, "\n"); lines > maxReadme {
		t.Errorf("the README has %d lines, want %d at the most: the rest belongs on a page of docs/", lines, maxReadme)
	}
}

func TestTheReadmeLeadsToEveryPage(t *testing.T) {
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := documents.Pages(t, root)
	for _, file := range files {
		if path := "docs/" + filepath.Base(file); !slices.ContainsFunc(pages, func(p documents.Page) bool { return p.Path == path }) {
			t.Errorf("the README's table of pages has no %s", path)
		}
	}
}

// Who begins finds each folder in the README's tree.
func TestTheReadmesTreeHasEveryFolder(t *testing.T) {
	blocks := documents.Pages(t, root)[0].Blocks()
	tree := blocks[len(blocks)-1].Text
	for _, path := range []string{"", "shared"} {
		entries, err := os.ReadDir(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			isOurs := entry.IsDir() && entry.Name() != "build" && !strings.HasPrefix(entry.Name(), ".")
			if isOurs && !regexp.MustCompile(`(?m)^ *`+entry.Name()+`[/ ]`).MatchString(tree) {
				t.Errorf("the README's tree has no %s", filepath.Join(path, entry.Name()))
			}
		}
	}
}

// A block that is marked with what nobody knows of is neither run nor read by anybody.
func TestEveryBlockSaysWhatItIs(t *testing.T) {
	for _, page := range documents.Pages(t, root) {
		for _, block := range page.Blocks() {
			isText := block.Language == "text" && block.Needs == ""
			isCommands := block.Language == "sh" && slices.Contains(documents.Needs, block.Needs)
			if !isText && !isCommands {
				t.Errorf("%s:%d is marked %q %q: want text, or sh and what it needs of %q", block.Page, block.Line, block.Language,
					block.Needs, documents.Needs)
			}
		}
	}
}

// The states are drawn where they are declared; the page shows those drawings.
func TestStatesAreDrawnAsTheCodeDrawsThem(t *testing.T) {
	var drawn []string
	for _, page := range documents.Pages(t, root) {
		for _, block := range page.Blocks() {
			drawn = append(drawn, block.Text)
		}
	}
	for _, path := range []string{"shared/alerting/ingest/ledger.go", "shared/alerting/alert/record.go"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if code := strings.ReplaceAll(string(text), "//\t", ""); !slices.ContainsFunc(drawn, func(d string) bool { return strings.Contains(code, d) }) {
			t.Errorf("no page shows the states as %s draws them", path)
		}
	}
}

var (
	reference = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInSlug = regexp.MustCompile("[^a-z0-9 _-]")
)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	pages := documents.Pages(t, root)
	for _, page := range pages {
		for _, found := range reference.FindAllStringSubmatch(page.Prose(), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page.Path
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(page.Path), target))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s leads to %s: %v", page.Path, found[1], err)
			}
			if anchor != "" && !hasAnchor(pages, path, anchor) {
				t.Errorf("%s leads to %s, and no heading there is called so", page.Path, found[1])
			}
		}
	}
}

// hasAnchor says whether a heading of a page has the anchor that GitHub makes of it.
func hasAnchor(pages []documents.Page, path, anchor string) bool {
	for _, page := range pages {
		if page.Path != path {
			continue
		}
		for _, found := range heading.FindAllStringSubmatch(page.Prose(), -1) {
			if strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}

var (
	treePath = regexp.MustCompile(`^(\.ci|cmd|docs|events|functions|shared|test)/[\w./-]+`)
	testName = regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w+$`)
)

// Pages name files and tests as what shows that they say the truth.
func TestEveryFileAndTestThatIsNamedIsThere(t *testing.T) {
	tests := testsOfTheTree(t)
	for _, page := range documents.Pages(t, root) {
		for _, code := range page.Inline() {
			for word := range strings.FieldsSeq(code) {
				word = strings.TrimPrefix(word, "./")
				if path := treePath.FindString(word); path != "" && !strings.Contains(word, "<") && !exists(path) {
					t.Errorf("%s names %s, which is not there", page.Path, word)
				}
				if testName.MatchString(word) && !tests[word] {
					t.Errorf("%s names the test %s, which is not there", page.Path, word)
				}
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}

var declaration = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, top := range []string{"cmd", "functions", "shared", "test"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range declaration.FindAllSubmatch(text, -1) {
				names[string(found[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

var (
	templateName = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):`)
	namedThere   = regexp.MustCompile(`^(?:Next\d)?[A-Z][a-z]+(?:[A-Z][a-z]*)+$`)
	assigned     = regexp.MustCompile(`(?:^|[ =])([A-Z][a-z]+(?:[A-Z][a-z]*)*)=`)
)

// namedElsewhere are the words of that form that are not the template's.
var namedElsewhere = []string{"PutItem", "GetItem", "SendMessage", "UpdateItem", "TransactWriteItems", "RandomStops"}

// Settings, parameters, outputs and resources are written as they are called.
func TestEveryNameOfTheTemplateIsThere(t *testing.T) {
	text, err := os.ReadFile(root + "/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, setting := range settings.Table() { // which test/template holds to the template
		known[setting.Parameter] = true
	}
	for _, found := range templateName.FindAllSubmatch(text, -1) {
		known[string(found[1])] = true
	}
	for _, page := range documents.Pages(t, root) {
		for _, name := range namesOfTheTemplate(page) {
			if !known[name] && !slices.Contains(namedElsewhere, name) && !testName.MatchString(name) {
				t.Errorf("%s names %s, which is neither in template.yaml nor a setting", page.Path, name)
			}
		}
	}
}

func namesOfTheTemplate(page documents.Page) []string {
	var names []string
	code := page.Inline()
	for _, block := range page.Blocks() {
		if block.Language == "sh" {
			code = append(code, block.Text)
		}
	}
	for _, piece := range code {
		for word := range strings.FieldsSeq(piece) {
			if namedThere.MatchString(word) {
				names = append(names, word)
			}
		}
		for _, found := range assigned.FindAllStringSubmatch(piece, -1) {
			names = append(names, found[1])
		}
	}
	return names
}
