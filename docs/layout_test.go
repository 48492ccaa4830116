package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/source"
)

// A layout is the picture in CONTRIBUTING.md: boxes of files and packages, and
// arrows between them.
type layout struct {
	boxOf  map[string]string // of each file and package
	arrows source.Graph
}

var (
	layoutBox   = regexp.MustCompile(`(?m)^  (\w+)\["\w+<br>([^"]+)"\]$`)
	layoutArrow = regexp.MustCompile(`(?m)^  (\w+) --> ([\w& ]+)$`)
)

func readLayout(t *testing.T) layout {
	t.Helper()
	text := readText(t, "CONTRIBUTING.md")
	l := layout{boxOf: map[string]string{}, arrows: source.Graph{}}
	for _, m := range layoutBox.FindAllStringSubmatch(text, -1) {
		for _, file := range strings.Fields(m[2]) {
			l.boxOf[file] = m[1]
		}
	}
	for _, m := range layoutArrow.FindAllStringSubmatch(text, -1) {
		for to := range strings.SplitSeq(m[2], " & ") {
			l.arrows.Add(m[1], to)
		}
	}
	return l
}

// readProgram returns the source of the package in the root folder, with the packages
// whose constants and types the closed lists are made of.
func readProgram(t *testing.T) *source.Package {
	t.Helper()
	p, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var program = sync.OnceValues(func() (*source.Package, error) {
	return source.Read(".", "github.com/gorilla/websocket", "switchboard/internal/conn")
})

// forTests are the packages that only tests import.
var forTests = []string{"internal/memnet", "internal/source", "internal/transcript"}

// readSource returns the uses of each file of the root folder and of each package: of files
// and packages, by their names in the picture.
func readSource(t *testing.T) source.Graph {
	t.Helper()
	uses := readProgram(t).Files()
	for name, imported := range readProgram(t).Imports() {
		for path := range imported {
			uses.Add(name, strings.TrimPrefix(path, "switchboard/"))
		}
	}
	for _, dir := range packages(t) {
		p, err := source.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range p.Imports() {
			for path := range imported {
				uses.Add(dir, strings.TrimPrefix(path, "switchboard/"))
			}
		}
	}
	return uses
}

// boxes returns the arrows between boxes that some uses make.
func (l layout) boxes(uses source.Graph) source.Graph {
	arrows := source.Graph{}
	for name, used := range uses {
		for to := range used {
			from, to := l.boxOf[name], l.boxOf[to]
			if from != "" && to != "" && from != to {
				arrows.Add(from, to)
			}
		}
	}
	return arrows
}

// Every file of the root folder and every package is in a box, and each arrow of the
// picture is one of the source.
func TestLayout(t *testing.T) {
	t.Chdir("..")
	drawn, uses := readLayout(t), readSource(t)
	for name := range uses {
		if drawn.boxOf[name] == "" && !slices.Contains(forTests, name) {
			t.Errorf("%s is in no box of the picture in CONTRIBUTING.md", name)
		}
	}
	for name := range drawn.boxOf {
		if uses[name] == nil && !slices.Contains(packages(t), name) {
			t.Errorf("the picture in CONTRIBUTING.md has %s, which is not there", name)
		}
	}
	found := drawn.boxes(uses)
	wantArrows(t, found, drawn.arrows, "the source has an arrow from %s to %s, and the picture in CONTRIBUTING.md has not")
	wantArrows(t, drawn.arrows, found, "the picture in CONTRIBUTING.md has an arrow from %s to %s, and the source has not")
	if circle := found.Circle(); circle != nil {
		t.Errorf("these boxes use each other in a circle: %v", circle)
	}
}

// Packages know nothing of the root folder, nothing that is for tests, and leaves nothing
// of each other.
func TestPackagesStandAlone(t *testing.T) {
	t.Chdir("..")
	drawn, uses := readLayout(t), readSource(t)
	for _, dir := range packages(t) {
		for to := range uses[dir] {
			if to == "switchboard" || slices.Contains(forTests, to) || drawn.boxOf[dir] == "leaves" && drawn.boxOf[to] != "" {
				t.Errorf("%s imports %s", dir, to)
			}
		}
	}
}

// packages returns the folders below internal/.
func packages(t *testing.T) (dirs []string) {
	t.Helper()
	entries, err := os.ReadDir("internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		dirs = append(dirs, "internal/"+entry.Name())
	}
	return dirs
}

func wantArrows(t *testing.T, these, there source.Graph, complaint string) {
	t.Helper()
	for from, all := range these {
		for to := range all {
			if !there[from][to] {
				t.Errorf(complaint, from, to)
			}
		}
	}
}

// CONTRIBUTING.md names the largest circle of files.
func TestLargestCircle(t *testing.T) {
	t.Chdir("..")
	circle := strings.Join(readProgram(t).Files().Circle(), " ")
	if !strings.Contains(readText(t, "CONTRIBUTING.md"), "`"+circle+"`") {
		t.Errorf("CONTRIBUTING.md does not say that the largest circle of files is\n%s", circle)
	}
}

// The hub needs no lock, since one goroutine owns all that it touches, and knows
// neither sockets nor HTTP.
func TestHubKnowsNoSockets(t *testing.T) {
	t.Chdir("..")
	foreign := []string{"net", "net/http", "sync", "sync/atomic", "github.com/gorilla/websocket", "switchboard/internal/conn"}
	imports := readProgram(t).Imports()
	for file, box := range readLayout(t).boxOf {
		if box != "hub" {
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(imports[file])) {
			if slices.Contains(foreign, path) {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

// A file that is longer is read by nobody as a whole.
func TestFilesAreShort(t *testing.T) {
	t.Chdir("..")
	const longest = 400 // lines
	err := filepath.WalkDir(".", func(file string, entry os.DirEntry, err error) error {
		switch ext := filepath.Ext(file); {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case ext != ".go" && ext != ".js" && ext != ".css":
			return nil
		}
		if lines := strings.Count(readText(t, file), "\n"); lines > longest {
			t.Errorf("%s has %d lines, more than %d: it is more than one idea", file, lines, longest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
