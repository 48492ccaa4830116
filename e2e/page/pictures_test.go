package page

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"switchboard/e2e"
)

var update = flag.Bool("update", false, "make README.md's pictures in docs/ anew")

// The pictures show the call, which fills the window, and below it the first of
// the messages.
const (
	windowWidth  = 960
	windowHeight = 500
	shownHeight  = 856
	scale        = 1.5         // pixels for each point, so that letters are sharp
	mostBytes    = 150 * 1_000 // of a file, so that README.md loads quickly
)

var pictureSize = image.Rect(0, 0, windowWidth*scale, shownHeight*scale)

//go:embed testdata/camera.js
var camera string

// README.md shows the page in a call, with the messages unfolded, in light and in
// dark colours. The page can still be brought into that state, and with -update the
// pictures are made anew.
func TestPictures(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(e2e.Root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	p := callWithMessages(t)
	backgrounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		preferColours(p, scheme)
		backgrounds[e2e.Value[string](p, `getComputedStyle(document.body).backgroundColor`)] = true
		name := "docs/call-" + scheme + ".png"
		if *update {
			takePicture(p, filepath.Join(e2e.Root, name))
		}
		wantPicture(t, filepath.Join(e2e.Root, name))
		if !strings.Contains(string(readme), `"`+name+`"`) {
			t.Errorf("README.md does not show %s", name)
		}
	}
	if len(backgrounds) != 2 {
		t.Errorf("light and dark have the background %v", backgrounds)
	}
}

// callWithMessages returns a teacher's page in a call, with the messages unfolded and
// the first of them in sight.
func callWithMessages(t *testing.T) *e2e.Page {
	t.Helper()
	teacher, student := twoPages(t, e2e.Start(t).URL)
	for _, p := range []*e2e.Page{teacher, student} {
		e2e.Value[bool](p, fmt.Sprintf(`(%s)(%q)`, camera, p.Name))
	}
	teacher.Do("resize", chromedp.EmulateViewport(windowWidth, windowHeight, chromedp.EmulateScale(scale)))
	talk(t, teacher, student)
	teacher.Click("#panel summary")
	for _, kind := range []string{"login", "request-call", "ringing", "new-ice-candidate", "respond-call", "call-created"} {
		teacher.See(fmt.Sprintf("#log [data-type=%s]", kind))
	}
	e2e.Value[bool](teacher, `(document.querySelector("#log").scrollTop = 0, true)`)
	return teacher
}

// preferColours has the browser tell the page that light or dark colours are preferred.
func preferColours(p *e2e.Page, scheme string) {
	p.T.Helper()
	feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}}
	if _, err := chromedp.Call(p.Ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.T.Fatal(err)
	}
	e2e.Until[bool](p, scheme+" colours", fmt.Sprintf(`matchMedia("(prefers-color-scheme: %s)").matches`, scheme))
}

func takePicture(p *e2e.Page, path string) {
	p.T.Helper()
	shot, err := chromedp.Run(p.Ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.T.Fatal(err)
	}
	page, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		p.T.Fatal(err)
	}
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&file, inFewColours(page, pictureSize)); err != nil {
		p.T.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		p.T.Fatal(err)
	}
}

func wantPicture(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if size := image.Rect(0, 0, picture.Width, picture.Height); size != pictureSize || len(file) > mostBytes {
		t.Errorf("%s is %v in %d bytes, expected %v in %d at most", path, size, len(file), pictureSize, mostBytes)
	}
}
