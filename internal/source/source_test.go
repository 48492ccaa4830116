package source

import (
	"fmt"
	"go/constant"
	"slices"
	"testing"
)

// The package reads itself.
func TestPackage(t *testing.T) {
	p, err := Read(".")
	if err != nil {
		t.Fatal(err)
	}
	if !p.HasTest("TestPackage") || p.HasTest("TestNothing") {
		t.Error("tests are not found, or made up")
	}
	if uses := p.Files()["graph.go"]; !uses["source.go"] || uses["graph.go"] {
		t.Errorf("graph.go uses %v", uses)
	}
	if imports := p.Imports()["graph.go"]; !imports["maps"] || imports["go/ast"] {
		t.Errorf("graph.go imports %v", imports)
	}
}

// The lists are of what is written in a package, constants with and without a name.
func TestLists(t *testing.T) {
	p, err := Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Constants("Word"); len(got) != 2 || got["first"] != "First" || got["second"] != `"second"` {
		t.Errorf("constants %v", got)
	}
	ends := p.Literals("End")
	if code, _ := constant.Int64Val(ends["good"]["Code"]); len(ends) != 2 || code != 1 || ends[`End{…}`] == nil {
		t.Errorf("literals %v", ends)
	}
	animals := p.Implementers("Animal")
	if len(animals) != 1 || animals[0].Name() != "Dog" {
		t.Fatalf("implementers %v", animals)
	}
	cases := p.Cases(animals[0], "Eat")
	var names []string
	for c := range cases {
		names = append(names, c.Name())
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"Bone", "Meat"}) {
		t.Errorf("cases %v", names)
	}
}

func TestCircle(t *testing.T) {
	g := Graph{}
	for _, arrow := range []string{"ab", "bc", "ca", "de", "ed", "cd", "ff"} {
		g.Add(arrow[:1], arrow[1:])
	}
	if got := g.Circle(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the circle is %v", got)
	}
}

func TestTable(t *testing.T) {
	document := "# One\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| c |\n|---|\n| 3 |\n| 4 |\n## Two\n| d |\n|---|\n| 5 |\n"
	for heading, want := range map[string]string{"One": "[[3] [4]]", "Two": "[[5]]", "Three": "[]"} {
		if got := fmt.Sprint(Table(document, heading)); got != want {
			t.Errorf("the table under %s is %s, want %s", heading, got, want)
		}
	}
}
