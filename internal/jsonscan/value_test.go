package jsonscan

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// reading is what a value says to each of the readers; "-" if it says nothing.
type reading struct {
	value         string // "" for a member that was left out
	str, text     string
	absent, blank bool
	object        bool
}

func TestValues(t *testing.T) {
	for _, want := range []reading{
		{value: ``, str: "-", text: "-", absent: true, blank: true},
		{value: `null`, str: "-", text: "-", absent: true, blank: true},
		{value: `""`, blank: true},
		{value: `" "`, str: " ", text: " "},
		{value: `"ann"`, str: "ann", text: "ann"},
		{value: `"\u0061\ud83d\ude00\n"`, str: "a😀\n", text: "a😀\n"},
		{value: `"\ud800"`, str: "\ufffd", text: "\ufffd"},
		{value: `42`, str: "-", text: "42"},
		{value: `-0`, str: "-", text: "-0"},
		{value: `12345678901234567890`, str: "-", text: "12345678901234567890"},
		{value: `42.0`, str: "-", text: "42"},
		{value: `4.2E1`, str: "-", text: "42"},
		{value: `4E2`, str: "-", text: "400"},
		{value: `0.5`, str: "-", text: "0.5"},
		{value: `1e400`, str: "-", text: "-"},
		{value: `true`, str: "-", text: "-"},
		{value: `["a"]`, str: "-", text: "-"},
		{value: `{"a":1}`, str: "-", text: "-", object: true},
	} {
		var value json.RawMessage
		if want.value != "" {
			value = json.RawMessage(want.value)
		}
		got := reading{value: want.value, str: "-", text: "-",
			absent: Absent(value), blank: Blank(value), object: IsObject(value)}
		if s, ok := String(value); ok {
			got.str = s
		}
		if is := IsString(value); is != (got.str != "-") {
			t.Errorf("%s is a string: %t", want.value, is)
		}
		if s, ok := Text(value); ok {
			got.text = s
		}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", want.value, got, want)
		}
	}
}

func TestSays(t *testing.T) {
	for value, want := range map[string]bool{
		`"offer"`: true, `"Offer"`: false, `"offers"`: false, `"offe"`: false, `"\u006ffer"`: false, `[offer]`: false, `null`: false,
	} {
		if got := Says(json.RawMessage(value), "offer"); got != want {
			t.Errorf("%s says offer: %t, want %t", value, got, want)
		}
	}
	if Says(nil, "") || !Says(json.RawMessage(`""`), "") {
		t.Error("nothing and the empty string are not told apart")
	}
}

func TestTrim(t *testing.T) {
	if got := Trim([]byte(" \t\r\n{ } \n")); string(got) != "{ }" {
		t.Errorf("got %q", got)
	}
	if got := Trim([]byte("\v{}\u00a0")); string(got) != "\v{}\u00a0" {
		t.Errorf("%q is left, but only four characters are white space", got)
	}
}

// FuzzString checks that a text written as a string is read as it was, by
// encoding/json too, and that UTF-8 stays UTF-8.
func FuzzString(f *testing.F) {
	for _, seed := range []string{"", "ann", `a"b\c/`, "\x00\x1f\x7f\n", "é\u2028😀"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		value := AppendString([]byte(":"), text)[1:]
		if Scan(value, nil) != nil {
			t.Fatalf("%q is written as %q, which is not valid", text, value)
		}
		if got, ok := String(value); !ok || got != text {
			t.Fatalf("%q is read as %q", text, got)
		}
		var std string
		if err := json.Unmarshal(value, &std); err != nil || std != text {
			t.Fatalf("%q is read as %q by encoding/json: %v", text, std, err)
		}
		if fromBytes := AppendString(nil, []byte(text)); string(fromBytes) != string(value) {
			t.Fatalf("%q is written as %q from bytes", text, fromBytes)
		}
	})
}
