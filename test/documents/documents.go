// Package documents reads the README and the pages of docs/ as a person does: from top to bottom, and then the pages in the order in
// which the README leads to them.
package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Page is a document.
type Page struct {
	// Path is below the top folder.
	Path string
	Text string
}

// Block is what stands between two fences.
type Block struct {
	Page string
	// Line is the fence's, the first is 1.
	Line int
	// Language is the info string's first word.
	Language string
	// Needs is the second: what only some people have, or "". Such a block is read and not run.
	Needs string
	Text  string
}

// Needs are what a block may need: AWS itself, a credential of Slack or PagerDuty, Docker and what else sam local takes.
var Needs = []string{"", "aws", "credential", "docker"}

const readme = "README.md"

var link = regexp.MustCompile(`\]\((docs/[\w-]+\.md)\)`)

// Pages are the README and the pages, in order. Root is the top folder.
func Pages(t testing.TB, root string) []Page {
	t.Helper()
	pages := []Page{read(t, root, readme)}
	for _, found := range link.FindAllStringSubmatch(index(t, pages[0].Text), -1) {
		if !slices.ContainsFunc(pages, func(p Page) bool { return p.Path == found[1] }) {
			pages = append(pages, read(t, root, found[1]))
		}
	}
	return pages
}

// index is the README's table of pages.
func index(t testing.TB, text string) string {
	t.Helper()
	_, table, found := strings.Cut(text, "| question | page |\n")
	if !found {
		t.Fatal("the README has no table of pages")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	return table
}

func read(t testing.TB, root, path string) Page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return Page{Path: path, Text: string(text)}
}

// Blocks are the blocks of a page, without the indentation of the list that they stand in.
func (p Page) Blocks() []Block {
	var blocks []Block
	var open *Block
	var indent string
	for i, line := range strings.Split(p.Text, "\n") {
		text := strings.TrimLeft(line, " ")
		info, isFence := strings.CutPrefix(text, "```")
		switch {
		case isFence && open == nil:
			language, needs, _ := strings.Cut(info, " ")
			indent = line[:len(line)-len(text)]
			open = &Block{Page: p.Path, Line: i + 1, Language: language, Needs: needs}
		case isFence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return blocks
}

var (
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inline = regexp.MustCompile("`([^`]+)`")
)

// Inline is the code that stands within the page's sentences and tables.
func (p Page) Inline() []string {
	var code []string
	for _, found := range inline.FindAllStringSubmatch(p.Prose(), -1) {
		code = append(code, strings.ReplaceAll(strings.ReplaceAll(found[1], "\n", " "), `\|`, "|"))
	}
	return code
}

// Prose is the page without its blocks.
func (p Page) Prose() string { return fenced.ReplaceAllString(p.Text, "") }
