package main

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A source is a package as the compiler reads it. Tests ask it for lists that
// they would else have to keep by hand.
type source struct {
	pkg    *types.Package
	info   *types.Info
	funcs  map[types.Object]*ast.FuncDecl
	values map[types.Object]ast.Expr // what variables are declared with
	tests  map[string]bool           // the tests of this folder
}

// readSource returns the source of the heart.
func readSource(t *testing.T) *source {
	t.Helper()
	s, err := parsedSource()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var parsedSource = sync.OnceValues(func() (*source, error) { return parseSource(".") })

// parseSource reads the package in a folder.
func parseSource(dir string) (*source, error) {
	s := &source{
		info: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{},
			Defs:  map[*ast.Ident]types.Object{},
			Uses:  map[*ast.Ident]types.Object{},
		},
		funcs:  map[types.Object]*ast.FuncDecl{},
		values: map[types.Object]ast.Expr{},
		tests:  map[string]bool{},
	}
	program, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	if s.pkg, files, err = check(program, s.info); err != nil {
		return nil, err
	}
	for _, file := range files {
		s.noteDeclarations(file)
	}
	for _, name := range program.TestGoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.noteTests(file)
	}
	return s, nil
}

// check has the files of a package read as the compiler does. Other packages than
// those in readPackages stay unknown, which is no hindrance here and saves reading
// them.
func check(p *build.Package, info *types.Info) (*types.Package, []*ast.File, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	config := types.Config{Importer: fewPackages{}, Error: func(error) {}}
	pkg, _ := config.Check(p.Name, fset, files, info)
	return pkg, files, nil
}

// readPackages are those whose constants and types the lists are made of.
var readPackages = []string{"github.com/gorilla/websocket", "switchboard/internal/conn"}

type fewPackages struct{}

func (fewPackages) Import(path string) (*types.Package, error) {
	if slices.Contains(readPackages, path) {
		p, err := build.Import(path, ".", 0)
		if err != nil {
			return nil, err
		}
		pkg, _, err := check(p, nil)
		return pkg, err
	}
	empty := types.NewPackage(path, filepath.Base(path))
	empty.MarkComplete()
	return empty, nil
}

func (s *source) noteTests(file *ast.File) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			s.tests[f.Name.Name] = true
		}
	}
}

func (s *source) noteDeclarations(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			s.funcs[s.info.Defs[n.Name]] = n
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					s.values[s.info.Defs[name]] = n.Values[i]
				}
			}
		}
		return true
	})
}

// named returns a type of the program by its name.
func (s *source) named(t *testing.T, name string) types.Type {
	t.Helper()
	object := s.pkg.Scope().Lookup(name)
	if object == nil {
		t.Fatalf("the program has no %s", name)
	}
	return object.Type()
}

// constants returns the values of a type of strings: those of its constants,
// each with the constant's name, and those that are written without one.
func (s *source) constants(t *testing.T, typ string) map[string]string {
	t.Helper()
	is, names := s.named(t, typ), map[string]string{}
	for expr, tv := range s.info.Types {
		if tv.Value != nil && types.Identical(tv.Type, is) && constant.StringVal(tv.Value) != "" {
			names[constant.StringVal(tv.Value)] = types.ExprString(expr)
		}
	}
	for _, name := range s.pkg.Scope().Names() {
		if c, ok := s.pkg.Scope().Lookup(name).(*types.Const); ok && types.Identical(c.Type(), is) {
			names[constant.StringVal(c.Val())] = name
		}
	}
	return names
}

// closings returns what closings there are, by the names of their variables.
func (s *source) closings(t *testing.T) map[string]Closing {
	t.Helper()
	names := map[ast.Expr]string{}
	for variable, value := range s.values {
		if pointer, ok := value.(*ast.UnaryExpr); ok {
			names[pointer.X] = variable.Name()
		}
	}
	all, is := map[string]Closing{}, s.named(t, "Closing")
	for expr, tv := range s.info.Types {
		literal, ok := expr.(*ast.CompositeLit)
		if !ok || !types.Identical(tv.Type, is) {
			continue
		}
		name := names[literal]
		if name == "" {
			t.Errorf("%s has no name: make it a variable, beside the other closings", types.ExprString(literal))
			continue
		}
		all[name] = s.closing(literal)
	}
	return all
}

// closing returns what a literal says, as far as the client hears it.
func (s *source) closing(literal *ast.CompositeLit) (why Closing) {
	for _, field := range literal.Elts {
		pair := field.(*ast.KeyValueExpr) // go vet wants them so
		switch value := s.info.Types[pair.Value].Value; pair.Key.(*ast.Ident).Name {
		case "Code":
			code, _ := constant.Int64Val(value)
			why.Code = int(code)
		case "Reason":
			why.Reason = constant.StringVal(value)
		}
	}
	return why
}

// implementers returns the types that have the methods of an interface.
func (s *source) implementers(t *testing.T, iface string) (all []*types.TypeName) {
	t.Helper()
	want := s.named(t, iface).Underlying().(*types.Interface)
	for _, name := range s.pkg.Scope().Names() {
		typ, ok := s.pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || types.IsInterface(typ.Type()) {
			continue
		}
		// Implements alone gives the benefit of the doubt to types that embed one
		// of a package that is not read.
		pointer := types.NewPointer(typ.Type())
		if types.Implements(pointer, want) && types.NewMethodSet(pointer).Lookup(s.pkg, want.Method(0).Name()) != nil {
			all = append(all, typ)
		}
	}
	return all
}

// cases returns the types that a function tells apart in its type switches and
// assertions, and those that the functions do which it calls.
func (s *source) cases(f types.Object) map[types.Object]bool {
	found, seen := map[types.Object]bool{}, map[types.Object]bool{}
	var visit func(f types.Object)
	visit = func(f types.Object) {
		if seen[f] || s.funcs[f] == nil {
			return
		}
		seen[f] = true
		ast.Inspect(s.funcs[f], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				s.addTypes(found, n.Type)
			case *ast.CaseClause:
				s.addTypes(found, n.List...)
			case *ast.Ident:
				visit(s.info.Uses[n])
			}
			return true
		})
	}
	visit(f)
	return found
}

func (s *source) addTypes(found map[types.Object]bool, list ...ast.Expr) {
	for _, expr := range list {
		if name, ok := expr.(*ast.Ident); ok {
			found[s.info.Uses[name]] = true
		}
	}
}
