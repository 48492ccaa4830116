package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/jsonscan"
)

// FuzzReadObject compares the fields that are read with what encoding/json finds: the
// first value of each key, or the last if the key may be repeated, and whether another
// is.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"}"}],"a":null," ":true,"\u00e9":"\\"}`))
	f.Add([]byte("{\t\"a\"\n:\r-1.5e+3 , \"b\":{} }"))
	f.Add([]byte(`{"\ud800":0,"":"","a\u0062":0,"ab":1,"AB":2}`))
	f.Add([]byte(`{"loose":1,"b":null,"c":0,"c":0,"l\u006fose":{}}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) || jsonscan.Scan(frame, nil) != nil || !jsonscan.IsObject(jsonscan.Trim(frame)) {
			return
		}
		found := fields{schema: &schema{keys: []string{"a", "b", "ab", "", " ", "é", "\ufffd", "loose"}, repeatable: "loose"}}
		broken, repeated := readObject(frame, &found)
		if broken != nil {
			t.Fatalf("%q is refused: %s", frame, broken.Message)
		}
		dec := json.NewDecoder(bytes.NewReader(frame))
		dec.Token() // the opening brace
		want, twice := fields{schema: found.schema}, false
		for dec.More() {
			key, _ := dec.Token()
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatalf("%q: %v", frame, err)
			}
			switch {
			case !slices.Contains(want.schema.keys, key.(string)):
			case want.get(key.(string)) == nil:
				want.set(key.(string), value)
			case key == "loose":
				want.set("loose", value)
				want.twice = true
			default:
				twice = true
			}
		}
		if !reflect.DeepEqual(found, want) || twice != (repeated != nil) {
			t.Fatalf("%q:\n got %q, repeated: %+v\nwant %q, repeated: %t", frame, found.values, repeated, want.values, twice)
		}
	})
}

func TestNestingIsBounded(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(`{"type":"users","x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
	}
	if _, refusal := (native{}).Decode(nested(64)); refusal != nil {
		t.Errorf("64 levels are refused: %+v", refusal)
	}
	_, refusal := native{}.Decode(nested(65))
	if want := refuse(CodeBadJSON, "this is nested deeper than 64 levels"); !reflect.DeepEqual(refusal, want) {
		t.Errorf("one level more: got %+v, want %+v", refusal, want)
	}
}
