// Switchboard is a signalling server for one-to-one WebRTC calls over plain
// WebSocket and JSON. README.md says how to use it, PROTOCOL.md what it
// speaks, CONTRIBUTING.md how it is built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parseConfig(args, os.LookupEnv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "switchboard: %v (switchboard -h shows the flags)\n", err)
		return 2
	case cfg.version:
		fmt.Fprintln(stdout, "switchboard", version())
		return 0
	}
	if err := start(cfg, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "switchboard: %v\n", err)
		return 1
	}
	return 0
}

// start serves until a signal asks it to stop, or, with -check, says that it
// could.
func start(cfg Config, stdout, stderr io.Writer) error {
	log := newLogger(cfg, stderr)
	srv, err := newServer(cfg, log)
	if err != nil {
		return err
	}
	cert, err := cfg.certificate()
	if err != nil {
		return err
	}
	if cfg.check {
		fmt.Fprintln(stdout, "switchboard: the configuration is good")
		return nil
	}
	listeners, err := listenAll(cfg.listen, cert)
	if err != nil {
		return err
	}
	tuneMemory()
	go srv.hub.run()
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- srv.serve(l) }()
	}
	announce(stdout, cfg, listeners)
	return wait(srv, cert, failed, log)
}

// wait serves signals until one asks to stop, then lets everybody go.
func wait(srv *Server, cert *certificate, failed <-chan error, log *slog.Logger) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				reload(cert, log)
				continue
			}
			log.Info("stopping", "signal", s)
			signal.Reset(os.Interrupt, syscall.SIGTERM) // a second one ends the process at once
			ctx, cancel := context.WithTimeout(context.Background(), srv.cfg.drainTimeout)
			defer cancel()
			if err := srv.shutdown(ctx); err != nil {
				log.Warn("some connections did not close in time", "error", err)
			}
			return nil
		}
	}
}

func reload(cert *certificate, log *slog.Logger) {
	if cert == nil || cert.certFile == "" {
		log.Info("there is no certificate to read again")
		return
	}
	if err := cert.reload(); err != nil {
		log.Error("the certificate in use stays", "error", err)
		return
	}
	log.Info("certificate reloaded")
}

// announce prints what somebody needs who has just started the program.
func announce(w io.Writer, cfg Config, listeners []net.Listener) {
	fmt.Fprintf(w, "Switchboard %s is ready.\n", version())
	secure := cfg.tlsCert != "" || cfg.tlsSelfSigned
	for _, l := range listeners {
		if l.Addr().Network() == "unix" {
			fmt.Fprintf(w, "  socket  %s\n", l.Addr())
			continue
		}
		page, socket, skip := "http", "ws", ""
		if secure {
			page, socket = "https", "wss"
		}
		if cfg.tlsSelfSigned {
			skip = "-n "
		}
		at := dialable(l.Addr()) + cfg.basePath
		fmt.Fprintf(w, "  page    %s://%s\n", page, at)
		fmt.Fprintf(w, "  wscat   npx wscat %s-c %s://%s\n", skip, socket, at)
	}
	fmt.Fprintln(w, "Open mode: names and roles are taken as claimed, so let in only people who may claim any.")
}

func newLogger(cfg Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.logLevel}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// version is what the module was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
