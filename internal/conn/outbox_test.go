package conn

import "testing"

// text is a message that says itself.
type text string

// weight is that of each text.
const weight = 256

func (text) Weight() int { return weight }

// room is for two texts.
const room = 2 * weight

// What a writer has taken and not yet written waits as well.
func TestOutboxSize(t *testing.T) {
	o := outbox{}
	for range 3 {
		o.put(text("x"), 4*weight)
	}
	if size := o.size(); size != 3*weight {
		t.Errorf("%d bytes wait, want %d", size, 3*weight)
	}
	if o.take(nil); o.size() != 3*weight {
		t.Error("the writer has them all in its hands")
	}
	if o.take(nil); o.size() != 0 {
		t.Error("all is written")
	}
}

// Some ends come after what waits, and some in its place.
func TestWhatWaitsAtTheEnd(t *testing.T) {
	for why, flushed := range map[*Closing]int{Left: 1, TooLarge: 1, Gone: 0, Internal: 0} {
		o := outbox{}
		o.put(text("x"), room)
		o.close(why)
		if messages, _ := o.take(nil); len(messages) != flushed {
			t.Errorf("%d messages go out before the end, %q, want %d", len(messages), why.Reason, flushed)
		}
	}
}

func TestOutbox(t *testing.T) {
	o := outbox{}
	if ok, start := o.put(text("x"), room); !ok || !start {
		t.Error("the first message must start a writer")
	}
	if ok, start := o.put(text("x"), room); !ok || start {
		t.Error("the second finds one")
	}
	if ok, _ := o.put(text("x"), room); ok {
		t.Error("there was room above the limit")
	}
	if messages, why := o.take(nil); len(messages) != 2 || why != nil {
		t.Errorf("took %v, %v", messages, why)
	}
	if ok, _ := o.put(text("x"), room); ok {
		t.Error("there was room while the writer still has its hands full")
	}
	if messages, _ := o.take(nil); len(messages) != 0 {
		t.Errorf("took %v", messages)
	}
	if ok, start := o.put(text("x"), room); !ok || !start {
		t.Error("the writer has gone: a new one must start")
	}
	for _, why := range []*Closing{TooLarge, Gone} {
		if stands, start := o.close(why); start || stands != TooLarge {
			t.Errorf("the end is %q, and starts a writer: %t", stands.Reason, start)
		}
	}
	if ok, _ := o.put(text("x"), room); ok {
		t.Error("something came in after the end")
	}
	if messages, why := o.take(nil); len(messages) != 1 || why != TooLarge {
		t.Errorf("took %v, %v; want what was there, and the first reason", messages, why)
	}
}
