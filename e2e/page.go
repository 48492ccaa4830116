package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// One browser serves the whole run; each page gets a browser context, that is a
// window with cookies, storage and permissions of its own.
var browser struct {
	once   sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

// openBrowser starts Chromium with a fake camera and microphone that need no
// permission, and a fake screen to share. The camera takes few pictures a second,
// for the sake of busy machines. Without the loopback flag a machine that has no
// network gathers no candidates at all.
func openBrowser(path string) (context.Context, error) {
	b := &browser
	b.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path),
			chromedp.NoSandbox,
			chromedp.DisableGPU,
			chromedp.IgnoreCertErrors,
			chromedp.UserDataDir(filepath.Join(scratch, "chromium")),
			chromedp.WSURLReadTimeout(Patience),
			chromedp.WindowSize(1100, 900),
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("use-fake-device-for-media-stream", "fps=10"),
			chromedp.Flag("use-fake-ui-for-media-stream", true),
			chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
			chromedp.Flag("allow-loopback-in-peer-connection", true),
		)
		allocator, freeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		b.ctx, b.cancel = ctx, func() { cancel(); freeAllocator() }
		b.err = chromedp.Do(ctx)
	})
	return b.ctx, b.err
}

func Chromium(t *testing.T) string {
	t.Helper()
	return Program(t, "chromium", "chromium-browser", "google-chrome")
}

func closeBrowser() {
	if browser.cancel != nil {
		browser.cancel()
	}
}

// A Page is the demo page in a window of its own, and whoever sits before it.
type Page struct {
	T     *testing.T
	Name  string
	Ctx   context.Context
	Close func()

	mu         sync.Mutex
	complaints []string // errors in the console, violated policies
	forgiven   []string // parts of those that a test expects
}

// OpenPage loads the page. When the test ends, whatever the page complained of
// in its console is a failure.
func OpenPage(t *testing.T, url string) *Page {
	t.Helper()
	parent, err := openBrowser(Chromium(t))
	if err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	p := &Page{T: t, Ctx: ctx, Close: sync.OnceFunc(cancel)}
	t.Cleanup(p.finish)
	go p.listen(chromedp.Console(ctx))
	p.Do("open "+url, chromedp.Navigate(url))
	return p
}

func (p *Page) listen(console func(func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range console {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.IsException() || m.Source == "security" {
			p.mu.Lock()
			p.complaints = append(p.complaints, m.String()+" at "+m.URL)
			p.mu.Unlock()
		}
	}
}

// Forgive takes complaints with these words for expected.
func (p *Page) Forgive(words ...string) { p.forgiven = append(p.forgiven, words...) }

func (p *Page) expected(complaint string) bool {
	return slices.ContainsFunc(p.forgiven, func(words string) bool { return strings.Contains(complaint, words) })
}

func (p *Page) finish() {
	if p.T.Failed() {
		p.picture()
	}
	p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.complaints {
		if !p.expected(c) {
			p.T.Errorf("in %s's console: %s", p.Name, c)
		}
	}
}

// picture keeps what a failed test saw, where E2E_PICTURES says.
func (p *Page) picture() {
	dir := os.Getenv("E2E_PICTURES")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.Ctx, Patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return
	}
	name := strings.NewReplacer("/", "-", "<", "", ">", "").Replace(p.T.Name() + "-" + p.Name)
	path := filepath.Join(dir, name+".png")
	if os.WriteFile(path, png, 0o644) == nil {
		p.T.Logf("%s saw %s", p.Name, path)
	}
}

func (p *Page) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.T.Fatalf("%s cannot %s: %v", p.Name, what, err)
	}
}

// Until waits in the page for an expression to be true, which may be a promise,
// and returns its value. The page's policy forbids code made of strings, so the
// expression is part of the script and not text for the page to evaluate.
func Until[T any](p *Page, what, expression string) T {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, Patience+time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](fmt.Sprintf(`
		new Promise((resolve, reject) => {
			const deadline = performance.now() + %d;
			const look = async () => {
				const value = await (%s);
				if (value) resolve(value);
				else if (performance.now() > deadline) reject(new Error("in vain"));
				else setTimeout(() => look().catch(reject), 20);
			};
			look().catch(reject);
		})`, Patience.Milliseconds(), expression), chromedp.EvalAwaitPromise))
	if err != nil {
		p.T.Fatalf("%s waits for %s: %v", p.Name, what, err)
	}
	return value
}

func Value[T any](p *Page, expression string) T {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.T.Fatalf("%s: %s: %v", p.Name, expression, err)
	}
	return v
}

func (p *Page) Click(selector string) {
	p.T.Helper()
	p.Do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (p *Page) Fill(selector, text string) {
	p.T.Helper()
	p.Do("fill in "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

func (p *Page) See(selector string) {
	p.T.Helper()
	p.Do("see "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}
