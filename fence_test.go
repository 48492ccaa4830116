package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The files of the heart know neither sockets nor HTTP nor any dialect, and
// need no lock: one goroutine owns all that they touch. In one flat package
// the compiler does not say so; this does.
func TestHeartKnowsNoSockets(t *testing.T) {
	heart := []string{"hub.go", "client.go", "login.go", "probe.go", "registry.go", "rights.go", "names.go",
		"call.go", "candidate.go", "echo.go", "room.go", "address.go", "messages.go"}
	foreignImports := []string{"net", "net/http", "sync", "sync/atomic", "github.com/gorilla/websocket"}
	foreignNames := []string{"ws", "connection", "link", "outbox", "dialect", "native", "one2one", "socketIO", "session", "Dialect", "Server"}
	for _, name := range heart {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if slices.Contains(foreignImports, strings.Trim(imported.Path.Value, `"`)) {
				t.Errorf("%s imports %s", name, imported.Path.Value)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if ident, ok := n.(*ast.Ident); ok && slices.Contains(foreignNames, ident.Name) {
				t.Errorf("%s: the heart uses %s", fset.Position(ident.Pos()), ident.Name)
			}
			return true
		})
	}
}
