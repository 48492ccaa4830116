// Package docs checks what the documents say of themselves and of the program.
package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// transcripts returns the files of the written conversations.
func transcripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

// protocolPages returns PROTOCOL.md and the pages below docs/protocol/.
func protocolPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("docs/protocol/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(pages, "PROTOCOL.md")
}

// documents returns every Markdown file of the repository.
func documents(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case path.Ext(file) == ".md":
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	return files
}

// fencedBlock is a code block. Nothing in it is a heading or a link.
var fencedBlock = regexp.MustCompile("(?ms)^```.*?^```$")

// prose returns what a document says outside of its fenced blocks.
func prose(t *testing.T, file string) string {
	t.Helper()
	return fencedBlock.ReplaceAllString(readText(t, file), "")
}

var quotedTranscript = regexp.MustCompile("(?ms)^```text (testdata/transcripts/\\S+)\n(.*?)^```$")

// TestProtocolExamples keeps the pages of the protocol from promising what no
// test plays: each of their fenced blocks is a transcript, and says what the file
// says. Each transcript is quoted or linked somewhere, so that readers find it.
func TestProtocolExamples(t *testing.T) {
	t.Chdir("..")
	shown := map[string]bool{}
	for _, page := range protocolPages(t) {
		text := readText(t, page)
		examples := quotedTranscript.FindAllStringSubmatch(text, -1)
		if fences := strings.Count(text, "```"); fences != 2*len(examples) {
			t.Errorf("%s has %d fences and %d transcripts between them", page, fences, len(examples))
		}
		for _, m := range examples {
			shown[m[1]] = true
			if m[2] != readText(t, m[1]) {
				t.Errorf("the example %s in %s is not what the file says", m[1], page)
			}
		}
		for _, to := range references(t, page) {
			shown[to.file] = true
		}
	}
	for _, file := range transcripts(t) {
		if !shown[filepath.ToSlash(file)] {
			t.Errorf("%s is neither quoted nor linked in PROTOCOL.md or docs/protocol/", file)
		}
	}
}

// A reference is a relative link: the file that it names, as seen from the
// repository's top folder, and the anchor of a heading in it, "" if there is none.
type reference struct{ file, anchor string }

var linkTarget = regexp.MustCompile(`\]\(([^()\s]+)\)`)

func references(t *testing.T, document string) (found []reference) {
	t.Helper()
	for _, m := range linkTarget.FindAllStringSubmatch(prose(t, document), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		file, anchor, _ := strings.Cut(m[1], "#")
		if file == "" {
			file = path.Base(document)
		}
		found = append(found, reference{path.Join(path.Dir(document), file), anchor})
	}
	return found
}

func TestLinksResolve(t *testing.T) {
	t.Chdir("..")
	for _, document := range documents(t) {
		for _, to := range references(t, document) {
			_, err := os.Stat(to.file)
			switch {
			case err != nil:
				t.Errorf("a link in %s: %v", document, err)
			case to.anchor != "" && !slices.Contains(anchors(t, to.file), to.anchor):
				t.Errorf("%s links to %s#%s, which is no heading there", document, to.file, to.anchor)
			}
		}
	}
}

// Each heading of the protocol is linked on its own page, from the table of
// contents or from the table of messages.
func TestHeadingsAreLinked(t *testing.T) {
	t.Chdir("..")
	for _, page := range protocolPages(t) {
		there := references(t, page)
		for _, anchor := range anchors(t, page)[1:] { // after the title
			if !slices.Contains(there, reference{page, anchor}) {
				t.Errorf("%s has no link to its heading #%s", page, anchor)
			}
		}
	}
}

var headingLine = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors returns what GitHub makes of a document's headings: letters, digits,
// underscores and hyphens stay, blanks become hyphens, and a heading that has
// been there before gets a number.
func anchors(t *testing.T, document string) (found []string) {
	t.Helper()
	times := map[string]int{}
	for _, m := range headingLine.FindAllStringSubmatch(prose(t, document), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		if n := times[anchor]; n > 0 {
			found = append(found, anchor+"-"+strconv.Itoa(n))
		} else {
			found = append(found, anchor)
		}
		times[anchor]++
	}
	return found
}
