package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// hint is a command that somebody is told to type. "revento-alerts serve" starts an installation and needs none.
var hint = regexp.MustCompile("(revento-alerts |['`](revento-alerts )?)(check|connections|dead-letters|deletions|keys|organizer|participants|send|trace)( [a-z]|['`])")

// A hint without --data or --stack leads to another installation, or to none: package installation makes the command lines.
func TestEveryHintNamesItsInstallation(t *testing.T) {
	for _, root := range []string{"../../cmd", "../../shared", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				ast.Inspect(file, func(node ast.Node) bool { return !isMade(node) && lookAtHint(t, path, node) })
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// isMade says whether a node is a call that names the installation, or the help of a command, whose reader chooses it.
func isMade(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.CallExpr:
		called, ok := node.Fun.(*ast.SelectorExpr)
		return ok && (called.Sel.Name == "Command" || called.Sel.Name == "command")
	case *ast.KeyValueExpr:
		key, ok := node.Key.(*ast.Ident)
		return ok && (key.Name == "Example" || key.Name == "Use" || key.Name == "Long" || key.Name == "Short")
	}
	return false
}

func lookAtHint(t *testing.T, path string, node ast.Node) bool {
	if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		if text, err := strconv.Unquote(literal.Value); err != nil || hint.MatchString(text) {
			t.Errorf("%s says %s: write the command by installation.Name.Command", path, literal.Value)
		}
	}
	return true
}
