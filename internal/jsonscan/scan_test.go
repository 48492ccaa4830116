package jsonscan

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan checks that the scanner takes what encoding/json takes, but for
// what is nested too deeply.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		` [ null , true,false ,-0.5e+10,0,1E-2,{ } , [ ] ] `, `"\ud800\u00E9\"\/"`, `"\n"`, `"\\"`, "\"\xff\x7f\"", "\"a\nb\"",
		``, ` `, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `nul`, `nulls`, `True`, `"`, `"\`, `"\u12`, `"\u12g4"`, `"\x"`, `[1 2]`,
		`[,]`, `[1,]`, `[1`, `[`, `[}`, `{]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{1:2}`, `{"a" 1}`, `{"a":1`, `{}{}`, "1\x00", "\ufeff1",
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want := json.Valid(text) && depthOf(text) <= maxDepth
		if got := Scan(text, nil) == nil; got != want {
			t.Fatalf("%q is valid: %t, want %t", text, got, want)
		}
	})
}

// depthOf returns how deeply a valid text is nested.
func depthOf(text []byte) (deepest int) {
	depth := 0
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 1e400 is one
	for {
		token, err := dec.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		deepest = max(deepest, depth)
	}
}

// FuzzMembers compares the members that are found, in their order, with those
// that encoding/json finds.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"}"}],"a":null," ":true,"\u00e9":"\\"}`))
	f.Add([]byte("{\t\"a\"\n:\r-1.5e+3 , \"b\":{} }"))
	f.Add([]byte(`{"\ud800":0,"":"","a\u0062":0,"ab":1,"AB":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) || Scan(text, nil) != nil || !IsObject(Trim(text)) {
			return
		}
		type member struct{ key, value string }
		var scanned, found, want []member
		Scan(text, func(key []byte, value json.RawMessage) {
			scanned = append(scanned, member{string(key), string(value)})
		})
		for key, value := range Members(text) {
			found = append(found, member{string(key), string(value)})
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.Token() // the opening brace
		for dec.More() {
			key, _ := dec.Token()
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			want = append(want, member{key.(string), string(value)})
		}
		if !slices.Equal(scanned, want) || !slices.Equal(found, want) {
			t.Fatalf("%q:\n Scan finds %q\n Members   %q\n want      %q", text, scanned, found, want)
		}
	})
}

func TestScanVisitsElements(t *testing.T) {
	var found []string
	err := Scan([]byte(` [ "a" , {"b":[1]} ,null] `), func(key []byte, value json.RawMessage) {
		if key != nil {
			t.Errorf("the element %s has the key %q", value, key)
		}
		found = append(found, string(value))
	})
	if want := []string{`"a"`, `{"b":[1]}`, `null`}; err != nil || !slices.Equal(found, want) {
		t.Errorf("found %q, %v, want %q", found, err, want)
	}
}

func TestMembersStopsWhenAsked(t *testing.T) {
	for key := range Members([]byte(`{"a":1,"b":2}`)) {
		if string(key) != "a" {
			t.Errorf("it goes on to %q", key)
		}
		break
	}
}

func TestNestingIsBounded(t *testing.T) {
	open, closed := strings.Repeat("[", maxDepth), strings.Repeat("]", maxDepth)
	if err := Scan([]byte(open+closed), nil); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	for _, text := range []string{"[" + open + closed + "]", "[" + open, `{"a":` + open} {
		if err := Scan([]byte(text), nil); err != ErrDepth {
			t.Errorf("%s: %v, want %v", text, err, ErrDepth)
		}
	}
	if err := Scan([]byte(open), nil); err == nil || err == ErrDepth {
		t.Errorf("%s, which is not closed: %v", open, err)
	}
}
