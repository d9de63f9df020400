package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// keepers are the only ones outside of tests that use what makes an access token, or shows one. Everybody else passes on a revento.Access,
// which names the event that it is asked with about.
var keepers = map[string]string{
	"NewAccess": "shared/connection/grant/",
	"Bearer":    "shared/revento/client/",
}

func TestATokenIsMadeByWhoKeepsItAndShownByWhoSendsIt(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../../cmd", "../../shared", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				selector, ok := node.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				keeper, isKept := keepers[selector.Sel.Name]
				if isKept && !strings.Contains(filepath.ToSlash(path), keeper) {
					t.Errorf("%s uses %s: only %s does", path, selector.Sel.Name, keeper)
				}
				found[selector.Sel.Name] = found[selector.Sel.Name] || isKept
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range keepers {
		if !found[name] {
			t.Errorf("nobody uses %s: is it called otherwise now?", name)
		}
	}
}
