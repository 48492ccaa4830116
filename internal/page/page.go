// Package page serves the files of the demo page, or of a directory in its place.
package page

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// A Page serves files.
type Page struct {
	files  fs.FS
	policy string            // Content-Security-Policy; "" for pages that are not ours
	etags  map[string]string // by name; embedded files have no times to go by
}

// demoPolicy lets the demo page load nothing but its own files, so that even
// a fault in it could not run foreign code. Which pages may frame it comes behind.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "

// NewDemo returns the demo page, whose files are embedded in the binary. Only pages
// of the frame ancestors may frame it, as its policy says.
func NewDemo(files fs.FS, frameAncestors string) (*Page, error) {
	etags := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		sum := sha256.Sum256(content)
		etags[name] = `"` + hex.EncodeToString(sum[:12]) + `"`
		return err
	})
	return &Page{files: files, policy: demoPolicy + frameAncestors, etags: etags}, err
}

// NewDir returns a page of the files in a directory. No link in it leads out of it.
func NewDir(dir string) (*Page, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Page{files: root.FS()}, nil
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "only GET and HEAD are served here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" || strings.HasSuffix(r.URL.Path, "/") {
		name = path.Join(name, "index.html")
	}
	file, err := p.open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	content, ok := file.(io.ReadSeeker)
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	p.setHeader(w.Header(), name)
	http.ServeContent(w, r, name, info.ModTime(), content)
}

// open opens a regular file; anything else might hold its request for ever. A name
// that begins with a dot is not served, but for the folder of RFC 8615, which says
// something about the site.
func (p *Page) open(name string) (fs.File, error) {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return nil, fs.ErrNotExist
		}
	}
	info, err := fs.Stat(p.files, name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return p.files.Open(name)
}

func (p *Page) setHeader(header http.Header, name string) {
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	if etag := p.etags[name]; etag != "" {
		header.Set("ETag", etag)
	}
	if p.policy != "" {
		header.Set("Content-Security-Policy", p.policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)")
	}
}
