package main

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// protocolPages returns PROTOCOL.md and the pages below docs/protocol/.
func protocolPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("docs/protocol/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(pages, "PROTOCOL.md")
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
