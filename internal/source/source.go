// Package source reads Go packages as the compiler does. Tests ask it for lists
// that they would else have to keep by hand: of constants, of types, of what
// depends on what.
package source

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// A Package is what the files of a folder say, without its tests.
type Package struct {
	types  *types.Package
	info   types.Info
	fset   *token.FileSet
	files  map[string]*ast.File // by name
	funcs  map[types.Object]*ast.FuncDecl
	values map[types.Object]ast.Expr // what variables are declared with
	tests  map[string]bool           // functions of the tests
}

// Read reads the package in a folder. Of the packages that it imports, only those
// named are read too; what others declare stays unknown.
func Read(dir string, imported ...string) (*Package, error) {
	folder, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	p := &Package{
		info: types.Info{
			Types: map[ast.Expr]types.TypeAndValue{},
			Defs:  map[*ast.Ident]types.Object{},
			Uses:  map[*ast.Ident]types.Object{},
		},
		fset:   token.NewFileSet(),
		files:  map[string]*ast.File{},
		funcs:  map[types.Object]*ast.FuncDecl{},
		values: map[types.Object]ast.Expr{},
		tests:  map[string]bool{},
	}
	if p.types, err = p.check(folder, &p.info, imported); err != nil {
		return nil, err
	}
	for _, name := range folder.GoFiles {
		p.noteDeclarations(p.files[name])
	}
	return p, p.noteTests(folder)
}

// check has the files of a folder read as the compiler does. It keeps them if info
// is not nil.
func (p *Package) check(folder *build.Package, info *types.Info, imported []string) (*types.Package, error) {
	var files []*ast.File
	for _, name := range folder.GoFiles {
		file, err := parser.ParseFile(p.fset, filepath.Join(folder.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		if info != nil {
			p.files[name] = file
		}
	}
	config := types.Config{Importer: &importer{p, imported}, Error: func(error) {}}
	checked, _ := config.Check(folder.Name, p.fset, files, info) // errors: of packages that are not read
	return checked, nil
}

// importer reads few packages, and takes all others for empty.
type importer struct {
	p        *Package
	imported []string
}

func (i *importer) Import(path string) (*types.Package, error) {
	if !slices.Contains(i.imported, path) {
		empty := types.NewPackage(path, filepath.Base(path))
		empty.MarkComplete()
		return empty, nil
	}
	folder, err := build.Import(path, ".", 0)
	if err != nil {
		return nil, err
	}
	return i.p.check(folder, nil, i.imported)
}

func (p *Package) noteDeclarations(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			p.funcs[p.info.Defs[n.Name]] = n
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					p.values[p.info.Defs[name]] = n.Values[i]
				}
			}
		}
		return true
	})
}

func (p *Package) noteTests(folder *build.Package) error {
	for _, name := range folder.TestGoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				p.tests[f.Name.Name] = true
			}
		}
	}
	return nil
}

// HasTest reports whether there is a test of that name.
func (p *Package) HasTest(name string) bool { return p.tests[name] && strings.HasPrefix(name, "Test") }

// named returns a type by its name.
func (p *Package) named(name string) types.Type {
	object := p.types.Scope().Lookup(name)
	if object == nil {
		panic(fmt.Sprintf("there is no type %s", name))
	}
	return object.Type()
}

// Constants returns the values of a type of strings: those of its constants, each
// with the constant's name, and those that are written without one.
func (p *Package) Constants(typ string) map[string]string {
	is, names := p.named(typ), map[string]string{}
	for expr, tv := range p.info.Types {
		if tv.Value != nil && types.Identical(tv.Type, is) && constant.StringVal(tv.Value) != "" {
			names[constant.StringVal(tv.Value)] = types.ExprString(expr)
		}
	}
	for _, name := range p.types.Scope().Names() {
		if c, ok := p.types.Scope().Lookup(name).(*types.Const); ok && types.Identical(c.Type(), is) {
			names[constant.StringVal(c.Val())] = name
		}
	}
	return names
}

// Literals returns the values of a struct type that are written in the package, by
// the variables that hold their addresses: of each, the fields that are constant.
// The text of a literal without a variable is its name.
func (p *Package) Literals(typ string) map[string]map[string]constant.Value {
	names := map[ast.Expr]string{}
	for variable, value := range p.values {
		if pointer, ok := value.(*ast.UnaryExpr); ok {
			names[pointer.X] = variable.Name()
		}
	}
	all, is := map[string]map[string]constant.Value{}, p.named(typ)
	for expr, tv := range p.info.Types {
		literal, ok := expr.(*ast.CompositeLit)
		if !ok || !types.Identical(tv.Type, is) {
			continue
		}
		name := names[literal]
		if name == "" {
			name = types.ExprString(literal)
		}
		all[name] = p.fieldsOf(literal)
	}
	return all
}

func (p *Package) fieldsOf(literal *ast.CompositeLit) map[string]constant.Value {
	fields := map[string]constant.Value{}
	for _, field := range literal.Elts {
		if pair, ok := field.(*ast.KeyValueExpr); ok {
			fields[pair.Key.(*ast.Ident).Name] = p.info.Types[pair.Value].Value
		}
	}
	return fields
}

// Implementers returns the types that have the methods of an interface.
func (p *Package) Implementers(iface string) (all []*types.TypeName) {
	want := p.named(iface).Underlying().(*types.Interface)
	for _, name := range p.types.Scope().Names() {
		typ, ok := p.types.Scope().Lookup(name).(*types.TypeName)
		if !ok || types.IsInterface(typ.Type()) {
			continue
		}
		// Implements alone gives the benefit of the doubt to types that embed one
		// of a package that is not read.
		pointer := types.NewPointer(typ.Type())
		if types.Implements(pointer, want) && types.NewMethodSet(pointer).Lookup(p.types, want.Method(0).Name()) != nil {
			all = append(all, typ)
		}
	}
	return all
}

// Cases returns the types that a method tells apart in its type switches and
// assertions, and those that the functions do which it calls.
func (p *Package) Cases(typ *types.TypeName, method string) map[types.Object]bool {
	start, _, _ := types.LookupFieldOrMethod(types.NewPointer(typ.Type()), true, p.types, method)
	found, seen := map[types.Object]bool{}, map[types.Object]bool{}
	var visit func(f types.Object)
	visit = func(f types.Object) {
		if seen[f] || p.funcs[f] == nil {
			return
		}
		seen[f] = true
		ast.Inspect(p.funcs[f], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				p.addTypes(found, n.Type)
			case *ast.CaseClause:
				p.addTypes(found, n.List...)
			case *ast.Ident:
				visit(p.info.Uses[n])
			}
			return true
		})
	}
	visit(start)
	return found
}

func (p *Package) addTypes(found map[types.Object]bool, list ...ast.Expr) {
	for _, expr := range list {
		if name, ok := expr.(*ast.Ident); ok {
			found[p.info.Uses[name]] = true
		}
	}
}
