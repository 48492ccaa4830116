package page

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"switchboard/e2e"
)

// The page that README.md shows to authors of pages signs in, calls, answers and
// hangs up, as it stands there.
func TestReadmePage(t *testing.T) {
	url := e2e.Start(t, "-static", readmePage(t)).URL
	ann, bob := openReadmePage(t, url, "ann"), openReadmePage(t, url, "bob")
	ann.Fill("#other", "nobody")
	ann.Click("#call")
	wantNews(ann, "no-such-user")
	wantCameraOff(ann)

	e2e.Value[bool](ann, `(other.value = "", true)`)
	ann.Fill("#other", "bob")
	ann.Click("#call")
	wantNews(bob, "ann is calling")
	bob.Click("#answer")
	for _, p := range []*e2e.Page{ann, bob} {
		e2e.Until[bool](p, "the picture", `picture.videoWidth > 0 && picture.getVideoPlaybackQuality().totalVideoFrames > 5`)
	}
	bob.Click("#end")
	for _, p := range []*e2e.Page{ann, bob} {
		wantNews(p, "hangup")
		wantCameraOff(p)
	}
	bob.Click("#answer")
	wantNews(bob, "The call has ended before it was answered.")
	wantCameraOff(bob)
}

// readmePage returns a folder with the page and the files that it needs.
func readmePage(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(e2e.Root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages := regexp.MustCompile("(?ms)^```html\n(.*?)^```$").FindAllSubmatch(readme, -1)
	if len(pages) != 1 {
		t.Fatalf("README.md shows %d pages, expected 1", len(pages))
	}
	files := map[string][]byte{"index.html": pages[0][1], "favicon.ico": nil} // browsers ask for the icon
	for _, name := range []string{"client.js", "socket.js", "call.js", "negotiation.js"} {
		if files[name], err = os.ReadFile(filepath.Join(e2e.Root, "static", name)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// openReadmePage signs in, and has the page note which cameras and microphones it opens.
func openReadmePage(t *testing.T, url, name string) *e2e.Page {
	t.Helper()
	p := e2e.OpenPage(t, url)
	p.Name = name
	e2e.Value[bool](p, `(open => {
		window.opened = [];
		navigator.mediaDevices.getUserMedia = async (wanted) => {
			const media = await open(wanted);
			opened.push(...media.getTracks());
			return media;
		};
		return true;
	})(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices))`)
	p.Fill("#me", name)
	p.Click("#enter")
	wantNews(p, "Signed in as "+name)
	return p
}

func wantNews(p *e2e.Page, words string) {
	p.T.Helper()
	wantText(p, "#news", words)
}

func wantCameraOff(p *e2e.Page) {
	p.T.Helper()
	e2e.Until[bool](p, "camera and microphone to be off", `opened.length > 0 && opened.every((track) => track.readyState === "ended")`)
}
