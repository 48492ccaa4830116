package main

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"
)

// from makes a client come from an address, if the stage's own is trusted.
func from(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }

// forwards are the flags with which the stage's clients choose their addresses.
const forwards = "-trusted-proxies 192.0.2.2 "

// A proxy that does not say for whom it comes does not make everybody one.
func TestUnknownAddressesAreNotOne(t *testing.T) {
	for _, address := range []string{"unknown", "_hidden", ""} {
		onStage(t, forwards+"-max-connections-per-ip 1 -max-connections 3", func(t *testing.T, s *stage) {
			for _, name := range []string{"ann", "bob", "cyd"} {
				s.Connect(name, "/", from(address))
				if event, ok := s.Next(name); ok {
					t.Errorf("%s of address %q hears %v", name, address, event)
				}
			}
			s.Connect("dan", "/", from(address))
			s.wantClosed("dan", websocket.CloseTryAgainLater, 0)
		})
	}
	onStage(t, forwards+"-max-connections-per-ip 1", func(t *testing.T, s *stage) {
		s.Connect("ann", "/", from("203.0.113.1:5000"))
		s.Connect("bob", "/", from("203.0.113.2:5000"))
		if event, ok := s.Next("bob"); ok {
			t.Errorf("bob hears %v", event)
		}
		s.Connect("eve", "/", from("203.0.113.1:5001"))
		s.wantClosed("eve", websocket.CloseTryAgainLater, 0)
	})
}
