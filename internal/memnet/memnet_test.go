package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipe(t *testing.T) {
	read := func(t *testing.T, c *Conn, want string, wantErr error) {
		t.Helper()
		p := make([]byte, 100)
		n, err := c.Read(p)
		if string(p[:n]) != want || !errors.Is(err, wantErr) {
			t.Errorf("read %q, %v; expected %q, %v", p[:n], err, want, wantErr)
		}
	}
	write := func(t *testing.T, c *Conn, text string, wantN int, wantErr error) {
		t.Helper()
		if n, err := c.Write([]byte(text)); n != wantN || !errors.Is(err, wantErr) {
			t.Errorf("wrote %d, %v; expected %d, %v", n, err, wantN, wantErr)
		}
	}
	tests := []struct {
		name string
		play func(t *testing.T, a, b *Conn)
	}{
		{"what is written waits for its reader", func(t *testing.T, a, b *Conn) {
			write(t, a, "ab", 2, nil)
			write(t, a, "cd", 2, nil)
			read(t, b, "abcd", nil)
		}},
		{"a full window makes the writer wait", func(t *testing.T, a, b *Conn) {
			time.AfterFunc(time.Second, func() { b.Read(make([]byte, 2)) })
			start := time.Now()
			write(t, a, "123456789A", 10, nil)
			if waited := time.Since(start); waited != time.Second {
				t.Errorf("waited %v, expected 1s", waited)
			}
		}},
		{"a write deadline says how much was written", func(t *testing.T, a, b *Conn) {
			b.Suspend()
			a.SetWriteDeadline(time.Now().Add(time.Second))
			write(t, a, "123456789A", 8, os.ErrDeadlineExceeded)
		}},
		{"a deadline that is set anew undoes one that has passed", func(t *testing.T, a, b *Conn) {
			a.SetReadDeadline(time.Unix(1, 0))
			read(t, a, "", os.ErrDeadlineExceeded)
			a.SetDeadline(time.Time{})
			time.AfterFunc(time.Second, func() { b.Write([]byte("late")) })
			read(t, a, "late", nil)
		}},
		{"a timer that fires late does not undo a later setting", func(t *testing.T, a, b *Conn) {
			a.pipe.mu.Lock()
			a.readBy.set(time.Now().Add(time.Second), a.pipe)
			time.Sleep(time.Second)
			a.readBy.clear()
			a.pipe.mu.Unlock()
			synctest.Wait()
			write(t, b, "alive", 5, nil)
			read(t, a, "alive", nil)
		}},
		{"half closed, the other direction lives", func(t *testing.T, a, b *Conn) {
			write(t, a, "bye", 3, nil)
			a.CloseWrite()
			write(t, a, "more", 0, syscall.EPIPE)
			read(t, b, "bye", nil)
			read(t, b, "", io.EOF)
			write(t, b, "bye", 3, nil)
			read(t, a, "bye", nil)
		}},
		{"closing wakes both ends", func(t *testing.T, a, b *Conn) {
			time.AfterFunc(time.Second, func() { a.Close() })
			go func() { read(t, b, "", io.EOF) }()
			read(t, a, "", net.ErrClosed)
			write(t, a, "x", 0, net.ErrClosed)
			if err := a.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closed twice: %v", err)
			}
		}},
		{"writing to a closed end loses what was under way", func(t *testing.T, a, b *Conn) {
			write(t, b, "bye", 3, nil)
			b.Close()
			write(t, a, "what?", 0, syscall.ECONNRESET)
			read(t, a, "", syscall.ECONNRESET)
		}},
		{"closing with bytes unread resets", func(t *testing.T, a, b *Conn) {
			write(t, a, "hello", 5, nil)
			write(t, b, "bye", 3, nil)
			b.Close()
			read(t, a, "", syscall.ECONNRESET)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := NewPipe(8)
				tt.play(t, a, b)
				synctest.Wait()
				a.Close()
				b.Close()
			})
		})
	}
}
