package docs

import (
	"fmt"
	"go/constant"
	"maps"
	"regexp"
	"strings"
	"testing"

	"switchboard/internal/conn"
	"switchboard/internal/source"
)

// The lists of codes, reasons, closings, commands and events are closed: whoever
// adds to one has to say it, explain it and hear it as well. These tests read the
// lists from the source, and so see what is new.

func TestCodesAreHeardAndExplained(t *testing.T) {
	t.Chdir("..")
	codes := readProgram(t).Constants("Code")
	wantSame(t, codes, heardMembers(t, "code"), "testdata/transcripts", "write a conversation in which somebody hears it")
	wantSame(t, codes, explained(t, "Errors"), "the codes under Errors in PROTOCOL.md", "explain it there")
}

func TestReasonsAreHeardAndExplained(t *testing.T) {
	t.Chdir("..")
	reasons := readProgram(t).Constants("Reason")
	wantSame(t, reasons, heardMembers(t, "reason"), "testdata/transcripts", "write a conversation in which somebody hears it")
	wantSame(t, reasons, explained(t, "Reasons"), "the Reasons in PROTOCOL.md", "explain it there")
}

// wantSame compares the words of the program with those of a place.
func wantSame(t *testing.T, names map[string]string, there map[string]bool, place, todo string) {
	t.Helper()
	if len(names) == 0 {
		t.Error("the program has none")
	}
	for word, name := range names {
		if !there[word] {
			t.Errorf("%s (%q) is not in %s: %s", name, word, place, todo)
		}
	}
	for word := range there {
		if names[word] == "" {
			t.Errorf("%q is in %s, and not in the program", word, place)
		}
	}
}

// heardMembers returns the values of a member of refusals and endings, as
// somebody hears them in a transcript. Candidates may have members of any name.
func heardMembers(t *testing.T, key string) map[string]bool {
	t.Helper()
	member := regexp.MustCompile(`"` + key + `":"([^"]*)"`)
	heard := map[string]bool{}
	for _, file := range transcripts(t) {
		for line := range strings.Lines(readText(t, file)) {
			_, frame, ok := strings.Cut(line, "< ")
			if !ok || strings.Contains(frame, "andidate") {
				continue
			}
			for _, m := range member.FindAllStringSubmatch(frame, -1) {
				heard[m[1]] = true
			}
		}
	}
	return heard
}

// explained returns the words in the first column of a table in PROTOCOL.md.
func explained(t *testing.T, heading string) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for _, row := range protocolTable(t, heading) {
		words[strings.Trim(row[0], "`")] = true
	}
	return words
}

// protocolTable returns the cells of a table in PROTOCOL.md.
func protocolTable(t *testing.T, heading string) [][]string {
	t.Helper()
	rows := source.Table(readText(t, "PROTOCOL.md"), heading)
	if rows == nil {
		t.Fatalf("PROTOCOL.md has no table under %q", heading)
	}
	return rows
}

// unplayable are the closings that nobody can hear in a transcript, and the
// tests that see them instead.
var unplayable = map[string]struct{ because, test string }{
	"closeSlow":                 {"who hears it reads, and is not too slow", "TestWhoFallsBehindIsLetGo"},
	"Internal":                  {"nothing that a client says makes the server fail", "TestFaultInADialect"},
	"closeTooLargeBeforeSignIn": {"its line would be longer than 8 KiB", "TestMessagesBeforeSignInAreSmall"},
	"MessageTimeout":            {"in a transcript everybody says whole messages", "TestMessageWithoutEnd"},
}

func TestClosingsAreHeardAndExplained(t *testing.T) {
	t.Chdir("..")
	closings := closingsOf(readProgram(t))
	transport, err := source.Read("internal/conn", "github.com/gorilla/websocket")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(closings, closingsOf(transport))
	table := closeTable(t)
	played := map[string]bool{}
	for _, file := range transcripts(t) {
		for _, m := range regexp.MustCompile(`(?m)^\w+ closed (.*)$`).FindAllStringSubmatch(readText(t, file), -1) {
			played[m[1]] = true
		}
	}
	for name, why := range closings {
		if why.Code == 0 {
			continue // the client hears no reason of ours
		}
		if !strings.Contains(table[fmt.Sprint(why.Code)], "`"+why.Reason+"`") {
			t.Errorf("%s: the table of close codes in PROTOCOL.md has no row for %d that quotes `%s`: explain it there", name, why.Code, why.Reason)
		}
		end := fmt.Sprintf("%d %s", why.Code, why.Reason)
		exception, unplayable := unplayable[name]
		switch {
		case played[end] == unplayable:
			t.Errorf("%s: either testdata/transcripts has a line \"ann closed %s\", or unplayable says why not, and which test sees it", name, end)
		case unplayable && !readProgram(t).HasTest(exception.test) && !transport.HasTest(exception.test):
			t.Errorf("%s is not played, because %s; but there is no %s either", name, exception.because, exception.test)
		}
	}
	for name := range unplayable {
		if _, ok := closings[name]; !ok {
			t.Errorf("unplayable names %s, which is no closing", name)
		}
	}
}

// closingsOf returns the closings of a package, as far as the client hears them.
func closingsOf(p *source.Package) map[string]conn.Closing {
	all := map[string]conn.Closing{}
	for name, fields := range p.Literals("Closing") {
		var why conn.Closing
		if code := fields["Code"]; code != nil {
			n, _ := constant.Int64Val(code)
			why.Code = int(n)
		}
		if reason := fields["Reason"]; reason != nil {
			why.Reason = constant.StringVal(reason)
		}
		all[name] = why
	}
	return all
}

// closeTable returns what the rows of the close codes say, by the code.
func closeTable(t *testing.T) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, row := range protocolTable(t, "Close codes") {
		for code := range strings.SplitSeq(row[0], ", ") {
			rows[code] += strings.Join(row, " | ")
		}
	}
	return rows
}

// An event for which a family has no word is in its Encode all the same, as a
// case that returns nothing: somebody has thought of it.
func TestEventsAreEncoded(t *testing.T) {
	t.Chdir("..")
	s := readProgram(t)
	for _, family := range s.Implementers("Dialect") {
		cases := s.Cases(family, "Encode")
		for _, event := range s.Implementers("Event") {
			if event.Exported() && !cases[event] {
				t.Errorf("the Encode of %s has no case for %s: say it in the family's words, or return dst if it has none", family.Name(), event.Name())
			}
		}
	}
}
