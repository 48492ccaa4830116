package late

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for since, want := range map[time.Duration]bool{-time.Hour: false, 0: false, Tolerance: false, Tolerance + 1: true} {
			if got := Is(time.Now().Add(-since)); got != want {
				t.Errorf("%v after it was due: %t", since, got)
			}
		}
	})
}

func TestAfterFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for name, tt := range map[string]struct {
			begin func(f func())
			after time.Duration
		}{
			"on time":       {func(f func()) { AfterFunc(time.Minute, f) }, time.Minute},
			"after a pause": {func(f func()) { call(f, start.Add(-time.Minute)) }, catchUp},
		} {
			begun, called := time.Now(), make(chan time.Time, 1)
			tt.begin(func() { called <- time.Now() })
			if got := (<-called).Sub(begun); got != tt.after {
				t.Errorf("%s: called after %v, want %v", name, got, tt.after)
			}
		}
	})
}

func TestStoppedTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		AfterFunc(time.Minute, func() { t.Error("called") }).Stop()
		time.Sleep(time.Hour)
	})
}
