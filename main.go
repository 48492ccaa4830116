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
	"time"

	"switchboard/internal/listen"
	"switchboard/internal/logs"
	"switchboard/internal/memory"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	errs := logs.NewOutput(stderr)
	defer errs.Close()
	if len(args) > 0 && args[0] == "health" {
		return runHealth(args[1:], stdout, errs)
	}
	if len(args) > 0 && args[0] == "token" {
		return runToken(args[1:], stdout, errs)
	}
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

// healthTimeout bounds `switchboard health`, which containers run every half
// a minute.
const healthTimeout = 3 * time.Second

// runHealth asks a running server how it is. The exit code is 0 or 1, as
// containers want it.
func runHealth(args []string, stdout, errs io.Writer) int {
	check, err := parseHealthCheck(args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		usage(stdout)
		return 0
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		err = check.Ask(ctx)
	}
	if err != nil {
		fmt.Fprintf(errs, "switchboard health: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, "ok")
	return 0
}

// start serves until a signal asks it to stop, or, with -check, says that it
// could.
func start(cfg Config, stdout io.Writer, errs *logs.Output) error {
	log := errs.Logger(cfg.logFormat == "json", cfg.logLevel)
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
	listeners, err := listen.Open(cfg.listen, cert)
	if err != nil {
		return err
	}
	if cfg.turnSecretFile != "" && !cfg.usesTokens() {
		log.Warn("open mode and -turn-secret-file: anybody who signs in gets credentials for the TURN servers")
	}
	memory.Tune()
	srv.start()
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- srv.serve(l) }()
	}
	go io.WriteString(stdout, announcement(cfg, listeners)) // whoever reads it may be slow
	return wait(srv, cert, signals, failed)
}

// wait serves until a signal asks to stop, then shuts the server down.
func wait(srv *Server, cert *listen.Certificate, signals <-chan os.Signal, failed <-chan error) error {
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				reload(srv, cert)
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

// certificate returns what to serve TLS with, or nil for plain HTTP.
func (cfg Config) certificate() (*listen.Certificate, error) {
	switch {
	case cfg.tlsSelfSigned:
		return listen.SelfSign()
	case cfg.tlsCert != "":
		cert, err := listen.LoadCertificate(cfg.tlsCert, cfg.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("-tls-cert and -tls-key: %w", err)
		}
		return cert, nil
	}
	return nil, nil
}

// reload reads again what came from files. What is bad now changes nothing.
func reload(srv *Server, cert *listen.Certificate) {
	cfg, log := srv.cfg, srv.log
	if cfg.tlsCert != "" {
		logReload(log, "certificate", cfg.tlsCert, cert.Reload())
	}
	if cfg.usesTokens() {
		srv.reloadKeys(func(file string, err error) { logReload(log, "token key", file, err) })
	}
	if cfg.turnSecretFile != "" {
		logReload(log, "TURN secret", cfg.turnSecretFile, srv.ice.Reload())
	}
	if cfg.tlsCert == "" && !cfg.usesTokens() && cfg.turnSecretFile == "" {
		log.Info("there are no files to read again")
	}
}

func logReload(log *slog.Logger, what, file string, err error) {
	if err != nil {
		log.Error("the "+what+" in use stays", "file", file, "error", err)
		return
	}
	log.Info(what+" reloaded", "file", file)
}

// announcement tells what somebody needs who has just started the program.
func announcement(cfg Config, listeners []net.Listener) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Switchboard %s is ready.\n", version())
	page, socket, wscat := "http", "ws", "npx wscat"
	if cfg.servesTLS() {
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
		at := listen.Dialable(l.Addr()) + cfg.basePath
		fmt.Fprintf(&text, "  page    %s://%s\n", page, at)
		if cfg.tlsSelfSigned {
			for _, phone := range listen.PhoneAddresses(l.Addr()) {
				fmt.Fprintf(&text, "  phone   https://%s%s\n", phone, cfg.basePath)
			}
		}
		fmt.Fprintf(&text, "  wscat   %s -c %s://%s\n", wscat, socket, at)
	}
	fmt.Fprintln(&text, cfg.mode())
	return text.String()
}

// mode says in a line how clients sign in.
func (cfg Config) mode() string {
	switch keys := len(cfg.tokenKeyFiles); keys {
	case 0:
		return "Open mode: names and roles are taken as claimed, so let in only people who may claim any."
	case 1:
		return "Sign-in by token, with 1 key: names and roles are those of the token."
	default:
		return fmt.Sprintf("Sign-in by token, with %d keys: names and roles are those of the token.", keys)
	}
}

// release is set by the linker, where the build knows it and the repository
// is not at hand: go build -ldflags "-X main.release=v1.2.3".
var release string

// version is what the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case release != "":
		return release
	case ok && info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	return "(built without a version)"
}
