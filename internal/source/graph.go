package source

import (
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A Graph says what each name uses.
type Graph map[string]map[string]bool

// Add notes that one name uses another.
func (g Graph) Add(from, to string) {
	if g[from] == nil {
		g[from] = map[string]bool{}
	}
	g[from][to] = true
}

// Files returns which files of the package use what others declare.
func (p *Package) Files() Graph {
	g := Graph{}
	for name := range p.files {
		g[name] = map[string]bool{}
	}
	for ident, object := range p.info.Uses {
		if object == nil || object.Pkg() != p.types || isLocal(object, p.types) {
			continue
		}
		from, to := p.fileOf(ident.Pos()), p.fileOf(object.Pos())
		if from != to {
			g.Add(from, to)
		}
	}
	return g
}

func (p *Package) fileOf(pos token.Pos) string { return filepath.Base(p.fset.Position(pos).Filename) }

// isLocal reports whether an object is declared in a function. Fields and methods,
// which are in no scope, are not.
func isLocal(object types.Object, pkg *types.Package) bool {
	return object.Parent() != nil && object.Parent() != pkg.Scope()
}

// Imports returns which packages each file imports.
func (p *Package) Imports() Graph {
	g := Graph{}
	for name, file := range p.files {
		g[name] = map[string]bool{}
		for _, imported := range file.Imports {
			g.Add(name, strings.Trim(imported.Path.Value, `"`))
		}
	}
	return g
}

// Circle returns the largest set of names each of which uses all others, by way of
// the rest or directly, in alphabetical order.
func (g Graph) Circle() (largest []string) {
	reach := map[string]map[string]bool{}
	for name := range g {
		reach[name] = g.reachableFrom(name)
	}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		var circle []string
		for _, other := range slices.Sorted(maps.Keys(g)) {
			if reach[name][other] && reach[other][name] {
				circle = append(circle, other)
			}
		}
		if len(circle) > len(largest) {
			largest = circle
		}
	}
	return largest
}

func (g Graph) reachableFrom(name string) map[string]bool {
	seen, next := map[string]bool{}, []string{name}
	for len(next) > 0 {
		from := next[0]
		next = next[1:]
		for to := range g[from] {
			if !seen[to] {
				seen[to] = true
				next = append(next, to)
			}
		}
	}
	return seen
}
