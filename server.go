package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	stdlog "log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"switchboard/internal/access"
	"switchboard/internal/conn"
	"switchboard/internal/engineio"
	"switchboard/internal/ice"
	"switchboard/internal/logs"
	"switchboard/internal/page"
)

// Server answers HTTP requests, and makes connections to the hub of some.
type Server struct {
	cfg      Config
	hub      *Hub
	conns    *conn.Pool
	log      *slog.Logger
	ice      *ice.Servers
	dialect  Dialect           // until the first frame decides
	socketIO socketIO          // for those who come in by its path
	tokens   *authority        // nil in open mode
	engine   *engineio.Handler // of Socket.IO clients
	slots    *access.Slots
	warnings *logs.Warnings
	page     http.Handler
	http     http.Server

	lastConn atomic.Uint64
	draining atomic.Bool
}

// Limits on unfinished requests: a client that sends half a header holds a descriptor.
const (
	headerTimeout  = 10 * time.Second
	maxHeaderBytes = 16<<10 - 4<<10 // net/http adds 4 KiB to it
	requestTimeout = 30 * time.Second
	idleTimeout    = 90 * time.Second // longer than the minute that load balancers keep connections
)

// newServer puts the parts together. The hub does not run yet.
func newServer(cfg Config, log *slog.Logger) (*Server, error) {
	page, err := newPage(cfg)
	if err != nil {
		return nil, err
	}
	servers, err := ice.New(cfg.stun, cfg.turn, cfg.turnSecretFile, cfg.turnTTL)
	if err != nil {
		return nil, err
	}
	warnings := logs.NewWarnings(log)
	tokens, err := newAuthority(cfg.tokenKeyFiles, cfg.tokenRules(), warnings)
	if err != nil {
		return nil, err
	}
	limits := hubLimits{maxCalls: cfg.maxCalls, maxListBytes: int(cfg.maxQueue / 4), maxQueue: int(cfg.maxQueue),
		ringTimeout: cfg.ringTimeout, loginTimeout: cfg.loginTimeout, signInFirst: tokens != nil,
		resumeWindow: cfg.resumeWindow, arrival: 2 * cfg.pingInterval, turnTTL: servers.Lifetime()}
	s := &Server{
		cfg:      cfg,
		hub:      newHub(cfg.mayCall, limits, log),
		log:      log,
		ice:      servers,
		dialect:  native{servers},
		socketIO: socketIO{servers},
		slots:    access.NewSlots(cfg.maxConnections, cfg.maxConnectionsPerIP),
		warnings: warnings,
		tokens:   tokens,
		page:     page,
	}
	s.conns = conn.NewPool(conn.Settings{
		MaxMessage:   cfg.maxMessage,
		MaxQueue:     int(cfg.maxQueue),
		PingInterval: cfg.pingInterval,
		PongTimeout:  cfg.pongTimeout,
		WriteTimeout: cfg.writeTimeout,
		// Clients that come back all at once, after a restart, are not to be pinged
		// all at once ever after.
		FirstPing: func() time.Duration { return rand.N(cfg.pingInterval) },
	})
	s.engine = engineio.NewHandler(engineHost{s}, engineio.Settings{
		PingInterval: cfg.pingInterval,
		// No sooner than the server gives the client up, and with the time that the
		// write of a ping may take.
		PingTimeout: cfg.pongTimeout + cfg.writeTimeout,
		MaxPayload:  cfg.maxMessage,
	})
	s.http = newHTTPServer(s, s.warnings)
	return s, nil
}

//go:embed static
var builtIn embed.FS

// newPage returns the demo page, or the directory that is served in its place.
func newPage(cfg Config) (*page.Page, error) {
	if cfg.static == "" {
		files, err := fs.Sub(builtIn, "static")
		if err != nil {
			return nil, err
		}
		return page.NewDemo(files, cfg.origins.FrameAncestors())
	}
	dir, err := page.NewDir(cfg.static)
	if err != nil {
		return nil, fmt.Errorf("-static: %w", err)
	}
	return dir, nil
}

func newHTTPServer(handler http.Handler, log io.Writer) http.Server {
	return http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          stdlog.New(log, "", 0),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered as any other
	}
}

// start lets the hub run, until shutdown.
func (s *Server) start() { go s.hub.run() }

// reloadKeys reads the keys of tokens again, and calls read for each file. Nobody's
// sign-in ends by that: tokens are not kept, and cannot be looked at again.
func (s *Server) reloadKeys(read func(file string, err error)) { s.tokens.keys.Reload(read) }

// serve takes connections from l until shutdown.
func (s *Server) serve(l net.Listener) error { return s.http.Serve(l) }

// shutdown takes no new connections, ends every call, and sends every client a close
// frame. It returns when all connections are closed, or with an error when ctx is done.
func (s *Server) shutdown(ctx context.Context) error {
	s.draining.Store(true)
	s.hub.post(stopAsked{})
	s.engine.Close()
	err := errors.Join(s.endRequests(ctx), s.slots.Wait(ctx))
	s.hub.stop()
	s.conns.Stop()
	return err
}

// lastRequestTime is how long requests may go on when the server stops. The server answers
// at once: what takes longer is a client that does not send or does not read, for which
// the end must not wait.
const lastRequestTime = 2 * time.Second

// endRequests takes no connections any more, and ends those that are not
// WebSockets.
func (s *Server) endRequests(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, lastRequestTime)
	defer cancel()
	err := s.http.Shutdown(soon)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.http.Close()
	}
	return err
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inside, ok := s.underBase(r.URL.Path)
	isSocketIO := ok && strings.TrimSuffix(inside, "/") == "/socket.io"
	switch {
	case r.Method == http.MethodOptions && !isSocketIO:
		answerOptions(w)
	case inside == "/healthz" || r.URL.Path == "/healthz":
		s.answerHealth(w, r, "ok")
	case inside == "/readyz" || r.URL.Path == "/readyz":
		s.answerReadiness(w, r)
	case !ok:
		http.NotFound(w, r)
	case conn.IsDamaged(r):
		s.answerDamaged(w, r)
	case isSocketIO:
		if s.allowOrigin(w, r) {
			s.engine.ServeHTTP(w, r)
		}
	case conn.IsHandshake(r) && !strings.HasPrefix(inside, "/socket.io/"):
		s.serveWebSocket(w, r)
	case inside == "":
		u := url.URL{Path: s.cfg.basePath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, u.String(), http.StatusPermanentRedirect)
	default:
		r.URL.Path = inside
		s.page.ServeHTTP(w, r)
	}
}

// underBase returns the path below the base path, and whether it is there.
// The base path without its slash is the empty path below it.
func (s *Server) underBase(requested string) (string, bool) {
	base := path.Clean(s.cfg.basePath)
	if base == "/" {
		return requested, true
	}
	inside, ok := strings.CutPrefix(requested, base)
	return inside, ok && (inside == "" || inside[0] == '/')
}

// answerOptions says which methods there are. Load balancers take the answer as a proof
// that the server works.
func answerOptions(w http.ResponseWriter) {
	w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	w.WriteHeader(http.StatusNoContent)
}

// answerReadiness tells a load balancer whether to send clients here.
func (s *Server) answerReadiness(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	s.answerHealth(w, r, "ready")
}

// hubPatience is how long the hub may take for a step, which takes microseconds, before
// it counts as hung.
const hubPatience = 2 * time.Second

// answerHealth answers yes if the hub handles messages, else with an error.
func (s *Server) answerHealth(w http.ResponseWriter, r *http.Request, yes string) {
	ctx, cancel := context.WithTimeout(r.Context(), hubPatience)
	defer cancel()
	if !s.hub.flush(ctx.Done()) {
		http.Error(w, "the hub does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, yes)
}

// serveWebSocket makes the connection of a client that does not speak Socket.IO. It
// returns before the connection ends, so that nothing of the request stays in memory.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if !s.allowOrigin(w, r) {
		return
	}
	c := s.newConnection(s.dialect)
	if !s.upgrade(w, r, c) {
		return
	}
	if s.cfg.greeting {
		c.Send(Greeted{})
	}
	go c.serve(nil)
}

// allowOrigin reports whether the page that makes a request may connect. If not, it
// answers the request.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	if s.cfg.origins.Allow(r) {
		return true
	}
	from := strings.Join(r.Header["Origin"], ", ")
	args := []any{"origin", excerpt(from), "host", excerpt(r.Host), "address", s.cfg.trustedProxies.ClientAddress(r)}
	if allowed, err := access.ParseOrigin(from); err == nil {
		args = append(args, "allow", "-origins "+allowed)
	}
	s.warnings.Warn(s.cfg.trustedProxies.ClientSubnet(r), "a page of another origin was refused; allow it with -origins", args...)
	http.Error(w, fmt.Sprintf("pages from %s may not connect to %s, unless its operator allows it (-origins)",
		excerpt(from), excerpt(r.Host)), http.StatusForbidden)
	return false
}

// newConnection makes a connection that has no WebSocket yet.
func (s *Server) newConnection(dialect Dialect) *connection {
	return newConnection(s.lastConn.Add(1), s.hub, s.conns, dialect, rate.NewLimiter(s.cfg.rate, s.cfg.burst))
}
