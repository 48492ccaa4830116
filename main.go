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
	"strings"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	errs := newLogOutput(stderr)
	defer errs.close()
	cfg, err := parseConfig(args, os.LookupEnv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(errs, "switchboard: %v (switchboard -h shows the flags)\n", err)
		return 2
	case cfg.version:
		fmt.Fprintln(stdout, "switchboard", version())
		return 0
	}
	if err := start(cfg, stdout, errs); err != nil {
		fmt.Fprintf(errs, "switchboard: %v\n", err)
		return 1
	}
	return 0
}

// start serves until a signal asks it to stop, or, with -check, says that it
// could.
func start(cfg Config, stdout io.Writer, errs *logOutput) error {
	log := newLogger(cfg, errs)
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
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // calls go on when nobody reads the log any more
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
	go io.WriteString(stdout, announcement(cfg, listeners)) // whoever reads it may take his time
	return wait(srv, cert, signals, failed)
}

// wait serves until a signal asks to stop, then lets everybody go.
func wait(srv *Server, cert *certificate, signals <-chan os.Signal, failed <-chan error) error {
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				reload(cert, srv.log)
				continue
			}
			go exitAt(signals)
			srv.log.Info("stopping", "signal", s)
			ctx, cancel := context.WithTimeout(context.Background(), srv.cfg.drainTimeout)
			defer cancel()
			if err := srv.shutdown(ctx); err != nil {
				srv.log.Warn("some connections did not close in time", "error", err)
			}
			return nil
		}
	}
}

// exitAt ends the process at the next signal that asks to stop. A signal's
// own effect would not do that everywhere: in a container, the first process
// is spared it.
func exitAt(signals <-chan os.Signal) {
	for s := range signals {
		if s != syscall.SIGHUP {
			os.Exit(128 + int(s.(syscall.Signal))) // as a shell says it
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

// announcement tells what somebody needs who has just started the program.
func announcement(cfg Config, listeners []net.Listener) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Switchboard %s is ready.\n", version())
	page, socket, wscat := "http", "ws", "npx wscat"
	if cfg.tlsCert != "" || cfg.tlsSelfSigned {
		page, socket = "https", "wss"
	}
	if cfg.tlsSelfSigned {
		wscat = "npx wscat -n"
	}
	for _, l := range listeners {
		if l.Addr().Network() == "unix" {
			fmt.Fprintf(&text, "  socket  %s\n", l.Addr())
			continue
		}
		at := dialable(l.Addr()) + cfg.basePath
		fmt.Fprintf(&text, "  page    %s://%s\n", page, at)
		fmt.Fprintf(&text, "  wscat   %s -c %s://%s\n", wscat, socket, at)
	}
	fmt.Fprintln(&text, "Open mode: names and roles are taken as claimed, so let in only people who may claim any.")
	return text.String()
}

// version is what the module was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
