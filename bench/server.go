//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is a program that can be measured: either one that is started
// afresh for each trial, or one that runs already.
type server struct {
	name    string
	command []string // {port} stands for its port; empty if it runs already
	at      address  // port 0: a free one
	pid     int      // of one that runs already
}

const (
	readyTimeout = time.Minute
	stopTimeout  = 2 * time.Second // from SIGTERM to SIGKILL
)

// parseServer reads name=command, name:port=command or name:port/path=command.
func parseServer(s string) (server, error) {
	head, command, ok := strings.Cut(s, "=")
	head, path, _ := strings.Cut(head, "/")
	name, port, fixed := strings.Cut(head, ":")
	srv := server{name: name, command: strings.Fields(command), at: address{[4]byte{127, 0, 0, 1}, 0, "/" + path}}
	if fixed {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return srv, fmt.Errorf("%q is not a port", port)
		}
		srv.at.port = int(n)
	}
	switch {
	case !ok || name == "" || len(srv.command) == 0:
		return srv, errors.New("a server is of the form 'name=command with {port}' or 'name:9090=command'")
	case !fixed && !strings.Contains(command, "{port}"):
		return srv, errors.New("the command says nowhere {port}; if it is fixed, write 'name:9090=command'")
	}
	return srv, nil
}

// parseAttached reads name=PID@host:port/path.
func parseAttached(s string) (server, error) {
	name, rest, _ := strings.Cut(s, "=")
	pid, url, _ := strings.Cut(rest, "@")
	hostPort, path, _ := strings.Cut(url, "/")
	srv := server{name: name, at: address{path: "/" + path}}
	var err error
	if srv.pid, err = strconv.Atoi(pid); err != nil || srv.pid < 1 || name == "" {
		return srv, errors.New("a running server is of the form name=PID@host:port/path")
	}
	tcp, err := net.ResolveTCPAddr("tcp4", hostPort)
	if err != nil {
		return srv, err
	}
	copy(srv.at.ip[:], tcp.IP.To4())
	srv.at.port = tcp.Port
	return srv, nil
}

// buildOwn builds programs of this module into a directory.
func buildOwn(ctx context.Context, dir, name, pkg string, flags ...string) (server, error) {
	binary := filepath.Join(dir, name)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg).CombinedOutput()
	if err != nil {
		return server{}, fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	command := append([]string{binary, "-listen", "127.0.0.1:{port}"}, flags...)
	return server{name: name, command: command, at: address{[4]byte{127, 0, 0, 1}, 0, "/"}}, nil
}

// A process is a server that runs.
type process struct {
	pid    int
	at     address
	cmd    *exec.Cmd     // nil if it is not ours
	exited chan struct{} // closed when it has; nil if it is not ours
	worked time.Duration // CPU time, when works was last asked
}

// start starts a server and waits until it accepts connections.
func (s server) start(ctx context.Context) (*process, error) {
	if s.pid != 0 {
		p := &process{pid: s.pid, at: s.at}
		if p.rss() == 0 {
			return nil, fmt.Errorf("%s: there is no process %d", s.name, s.pid)
		}
		return p, nil
	}
	at := s.at
	if at.port == 0 {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		at.port = port
	}
	if accepts(at) {
		return nil, fmt.Errorf("%s: something else listens at %s", s.name, at)
	}
	args := make([]string, len(s.command))
	for i, arg := range s.command {
		args[i] = strings.ReplaceAll(arg, "{port}", strconv.Itoa(at.port))
	}
	cmd := exec.Command(args[0], args[1:]...)
	// A group of its own, so that Ctrl-C reaches us first. Should we be killed,
	// it goes too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	p := &process{pid: cmd.Process.Pid, at: at, cmd: cmd, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()
	if err := p.waitReady(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return p, nil
}

func (p *process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for !accepts(p.at) {
		select {
		case <-retry.C:
		case <-p.exited:
			return p.death()
		case <-ctx.Done():
			return fmt.Errorf("it does not accept connections at %s: %w", p.at, ctx.Err())
		}
	}
	return nil
}

// death says how the process ended, or is nil if it still runs.
func (p *process) death() error {
	if p.cmd == nil || !p.isEnding() {
		return nil
	}
	<-p.exited
	return fmt.Errorf("the server died: %v", p.cmd.ProcessState)
}

// isEnding reports whether the process has ended or is about to. Its sockets
// close a moment before it has; the kernel marks it before that (man
// proc_pid_stat).
func (p *process) isEnding() bool {
	const exiting = 0x4 // PF_EXITING
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return true
	}
	// What follows the command's name, which is in parentheses: the state, five
	// numbers, the flags.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	flags, _ := strconv.Atoi(fields[6])
	return flags&exiting != 0
}

// exits reports whether the process has ended, or ends within a time.
func (p *process) exits(within time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(within):
		return false
	}
}

// stop ends the process and whatever it started.
func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	syscall.Kill(-p.pid, syscall.SIGTERM)
	p.exits(stopTimeout)
	syscall.Kill(-p.pid, syscall.SIGKILL) // and those it left behind
	<-p.exited
}

func accepts(at address) bool {
	c, err := net.DialTimeout("tcp", at.String(), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
