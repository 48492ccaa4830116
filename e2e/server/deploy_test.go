package server

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"switchboard/e2e"
)

// The image is built from what .dockerignore lets through, and nothing else is
// needed. The binary is what the Dockerfile says of it, and so is its health
// check.
func TestContainer(t *testing.T) {
	files := buildContext(t)
	wanted := regexp.MustCompile(`^static/|^go\.(mod|sum)$|^(internal/[a-z0-9]+/)?[a-z0-9_]+\.go$`)
	forTests := regexp.MustCompile(`_test\.go$|^internal/(memnet|source|transcript)/`)
	for name := range files {
		if !wanted.MatchString(name) || forTests.MatchString(name) {
			t.Errorf("%s goes to the build", name)
		}
	}
	dir := t.TempDir()
	writeFiles(t, dir, files)
	docker := readDockerfile(t)
	docker.checkSources(t, dir)

	binary := filepath.Join(t.TempDir(), "switchboard-in-container")
	build := exec.Command("sh", "-c", strings.Replace(docker.one(t, "RUN", "go build"), "-o /switchboard ", "-o "+binary+" ", 1))
	build.Dir, build.Env = dir, append(os.Environ(), "VERSION=v1.2.3-test")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantStatic(t, binary)
	if out, err := exec.Command(binary, "-version").Output(); err != nil || string(out) != "switchboard v1.2.3-test\n" {
		t.Errorf("the version is %q, %v", out, err)
	}

	var ask []string
	_, command, _ := strings.Cut(docker.one(t, "HEALTHCHECK", "CMD"), "CMD ")
	if err := json.Unmarshal([]byte(command), &ask); err != nil || len(ask) == 0 || ask[0] != "/switchboard" {
		t.Fatalf("the health check is %s: %v", command, err)
	}
	env := append(docker.env(t), "SWITCHBOARD_LISTEN=127.0.0.1:"+strconv.Itoa(e2e.FreePort(t)))
	s := e2e.Launch(t, env)
	s.FindAddress()
	s.WaitReady()
	if code, stdout, stderr := runToEnd(t, env, ask[1:]...); code != 0 {
		t.Errorf("the health check ends with status %d: %s%s", code, stdout, stderr)
	}
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// The first block of go.mod lists what the binary contains, no less and no more.
func TestRequirements(t *testing.T) {
	info, err := buildinfo.ReadFile(e2e.Built(t))
	if err != nil {
		t.Fatal(err)
	}
	var contained []string
	for _, module := range info.Deps {
		contained = append(contained, module.Path)
	}
	text, err := os.ReadFile(e2e.Root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "require (\n")
	block, _, _ = strings.Cut(block, "\n)")
	var listed []string
	for line := range strings.Lines(block) {
		listed = append(listed, strings.Fields(line)[0])
	}
	if !slices.Equal(contained, listed) {
		t.Errorf("the binary contains %q, the first block of go.mod lists %q", contained, listed)
	}
}

// wantStatic looks for what would have to be in the image besides the binary.
func wantStatic(t *testing.T, binary string) {
	t.Helper()
	image, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	for _, part := range image.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the binary needs a system around it")
		}
	}
}

// buildContext returns the files that .dockerignore lets through.
func buildContext(t *testing.T) map[string][]byte {
	t.Helper()
	rules, err := os.ReadFile(e2e.Root + "/.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	err = fs.WalkDir(os.DirFS(e2e.Root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == ".ci/tools"):
			return fs.SkipDir // large, and below what the rules refuse
		case entry.Type().IsRegular() && !ignored(string(rules), name):
			files[name], err = os.ReadFile(filepath.Join(e2e.Root, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".git/config", ".ci/tools/package.json"} {
		if !ignored(string(rules), name) {
			t.Errorf("%s goes to the build", name)
		}
	}
	return files
}

// ignored reports what the rules say of a file: the last that is about it, or
// about a folder that it is in, decides.
func ignored(rules, name string) (yes bool) {
	for rule := range strings.Lines(rules) {
		rule = strings.TrimSpace(rule)
		if rule == "" || rule[0] == '#' {
			continue
		}
		pattern, lets := strings.CutPrefix(rule, "!")
		for part := name; part != "."; part = path.Dir(part) {
			if match, _ := path.Match(pattern, part); match {
				yes = !lets
			}
		}
	}
	return yes
}

// A dockerfile is a list of instructions, each in one line.
type dockerfile []string

func readDockerfile(t *testing.T) dockerfile {
	t.Helper()
	text, err := os.ReadFile(e2e.Root + "/deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?m)^\s*#.*\n|\\\n`).ReplaceAllString(string(text), "")
	return slices.DeleteFunc(strings.Split(plain, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

// one returns the argument of the only instruction that holds a text.
func (d dockerfile) one(t *testing.T, instruction, holds string) string {
	t.Helper()
	var found []string
	for _, line := range d {
		if name, argument, _ := strings.Cut(line, " "); name == instruction && strings.Contains(argument, holds) {
			found = append(found, argument)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d instructions %s with %q", len(found), instruction, holds)
	}
	return found[0]
}

// checkSources looks whether images are pinned and what is copied is there.
func (d dockerfile) checkSources(t *testing.T, dir string) {
	t.Helper()
	pinned := regexp.MustCompile(`^(scratch|golang:1\.\d+\.\d+-bookworm@sha256:[0-9a-f]{64} AS build)$`)
	for _, line := range d {
		name, argument, _ := strings.Cut(line, " ")
		if name == "FROM" && !pinned.MatchString(argument) {
			t.Errorf("FROM %s is not pinned", argument)
		}
		if name != "COPY" || strings.HasPrefix(argument, "--from=") {
			continue
		}
		words := strings.Fields(argument)
		for _, source := range words[:len(words)-1] {
			if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
				t.Errorf("COPY %s: %v", argument, err)
			}
		}
	}
}

// CI runs in the image that the container is built with.
func TestWorkflowImage(t *testing.T) {
	workflow, err := os.ReadFile(e2e.Root + "/.github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	image, _, _ := strings.Cut(readDockerfile(t).one(t, "FROM", "golang:"), "@")
	if !strings.Contains(string(workflow), "container: "+image+" ") {
		t.Errorf("the workflow does not run in %s", image)
	}
}

// env returns what the image sets.
func (d dockerfile) env(t *testing.T) []string {
	t.Helper()
	return strings.Fields(d.one(t, "ENV", "GOMEMLIMIT"))
}

// The limits of the container and of the unit are the same, and the server
// starts with what the unit sets.
func TestUnit(t *testing.T) {
	unit, err := os.ReadFile(e2e.Root + "/deploy/switchboard.service")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^Environment=(\w+)=(.*)$`).FindAllStringSubmatch(string(unit), -1) {
		set[m[1]] = m[2]
	}
	for _, both := range readDockerfile(t).env(t) {
		if name, value, _ := strings.Cut(both, "="); set[name] != value {
			t.Errorf("%s is %s in the container, and %s in the unit", name, value, set[name])
		}
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	if code, _, stderr := runToEnd(t, env, "-check"); code != 0 {
		t.Errorf("the server does not start with %v: %s", env, stderr)
	}

	analyze := e2e.Program(t, "systemd-analyze")
	// It looks for the program of the unit too.
	here := strings.ReplaceAll(string(unit), "/usr/local/bin/switchboard", e2e.Built(t))
	file := filepath.Join(t.TempDir(), "switchboard.service")
	if err := os.WriteFile(file, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
