//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// A column is a figure in a table. Its key is its name in JSON and stays.
type column struct {
	key      string
	head     string
	decimals int
	ratio    bool // compared with the baseline, in a column of its own
	note     bool // a word, not a number
	amiss    bool // counts what should not be, and is shown if there is any
}

// report is everything that was measured, as -json writes it.
type report struct {
	Machine  machine  `json:"machine"`
	Servers  []string `json:"servers"`
	Baseline string   `json:"baseline"` // the server that ratios are made to
	Rounds   int      `json:"rounds"`
	Trials   []record `json:"trials"` // in the order in which they were made
}

type machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// record is what one trial found out in one scenario.
type record struct {
	Scenario string             `json:"scenario"`
	Load     string             `json:"load"`  // in words
	Sizes    map[string]int     `json:"sizes"` // of the load
	Round    int                `json:"round"` // from 1
	Server   string             `json:"server"`
	Figures  map[string]float64 `json:"figures"` // by the keys of the scenario's columns, which name the unit
	Notes    map[string]string  `json:"notes,omitempty"`
	Fault    string             `json:"fault,omitempty"` // what went wrong; figures may be missing
}

func thisMachine() machine {
	var name unix.Utsname
	unix.Uname(&name)
	info, _ := os.ReadFile("/proc/cpuinfo")
	_, model, named := strings.Cut(string(info), "model name\t: ")
	if model, _, _ = strings.Cut(model, "\n"); !named {
		model = runtime.GOARCH
	}
	return machine{runtime.NumCPU(), model, unix.ByteSliceToString(name.Release[:]), runtime.Version()}
}

func (r *report) add(l load, round int, server string, outcomes []*outcome) {
	for _, o := range outcomes {
		r.Trials = append(r.Trials, record{
			o.scenario, l.label, l.sizes, round, server, o.figures, o.notes, o.fault,
		})
	}
}

func (r *report) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// faults returns how many trials went wrong.
func (r *report) faults() (n int) {
	for _, trial := range r.Trials {
		if trial.Fault != "" {
			n++
		}
	}
	return n
}

// write prints a table for each load, and what went wrong.
func (r *report) write(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%d cores (%s), Linux %s, %s; medians of %s", m.Cores, m.CPU, m.Kernel, m.Go, plural(r.Rounds, "round"))
	if len(r.Servers) > 1 && slices.Contains(r.Servers, r.Baseline) {
		fmt.Fprintf(w, ", ratios to %s [lowest highest]", r.Baseline)
	}
	fmt.Fprintln(w)
	for _, s := range scenarios() {
		var seen []string
		for _, trial := range r.Trials {
			if trial.Scenario == s.name && !slices.Contains(seen, trial.Load) {
				seen = append(seen, trial.Load)
				r.writeTable(w, s, trial.Load)
			}
		}
	}
	r.writeFaults(w)
}

func (r *report) writeTable(w io.Writer, s scenario, load string) {
	fmt.Fprintf(w, "\n%s: %s%s\n", s.name, load, r.praise(s, load))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "server")
	var columns []column
	for _, c := range s.columns {
		if !r.worthShowing(s.name, load, c) {
			continue
		}
		columns = append(columns, c)
		fmt.Fprint(t, "\t", c.head)
		if c.ratio && r.compares(s.name, load) {
			fmt.Fprint(t, "\tratio")
		}
	}
	fmt.Fprintln(t)
	for _, server := range r.servers(s.name, load) {
		fmt.Fprint(t, server)
		of := r.of(s.name, load, server)
		for _, c := range columns {
			fmt.Fprint(t, "\t", c.cell(of))
			switch {
			case !c.ratio || !r.compares(s.name, load):
			case server == r.Baseline:
				fmt.Fprint(t, "\t1")
			default:
				fmt.Fprint(t, "\t", ratioCell(r.ratios(of, c.key)))
			}
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func (r *report) writeFaults(w io.Writer) {
	if r.faults() > 0 {
		fmt.Fprintf(w, "\n%s went wrong:\n", plural(r.faults(), "trial"))
	}
	for _, t := range r.Trials {
		if t.Fault != "" {
			fmt.Fprintf(w, "  %s (%s), round %d, %s: %s\n", t.Scenario, t.Load, t.Round, t.Server,
				strings.ReplaceAll(t.Fault, "\n", "; "))
		}
	}
}

// of returns the records of a server under a load.
func (r *report) of(scenario, load, server string) (of []record) {
	for _, t := range r.Trials {
		if t.Scenario == scenario && t.Load == load && t.Server == server {
			of = append(of, t)
		}
	}
	return of
}

// servers returns those that were put under a load.
func (r *report) servers(scenario, load string) (names []string) {
	for _, name := range r.Servers {
		if len(r.of(scenario, load, name)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// compares reports whether there is a baseline and something to compare.
func (r *report) compares(scenario, load string) bool {
	names := r.servers(scenario, load)
	return len(names) > 1 && slices.Contains(names, r.Baseline)
}

// worthShowing reports whether any trial has something for a column.
func (r *report) worthShowing(scenario, load string, c column) bool {
	return slices.ContainsFunc(r.Trials, func(t record) bool {
		figure, measured := t.Figures[c.key]
		_, noted := t.Notes[c.key]
		return t.Scenario == scenario && t.Load == load && (noted || measured && (figure > 0 || !c.amiss))
	})
}

// praise says that nothing was amiss, if that was counted.
func (r *report) praise(s scenario, load string) string {
	counted := false
	for _, c := range s.columns {
		counted = counted || c.amiss
		if c.amiss && r.worthShowing(s.name, load, c) {
			return ""
		}
	}
	if !counted {
		return ""
	}
	return "; every message arrived once and in order"
}

// ratios returns a figure of each round as a ratio to the baseline's of the
// same round, in ascending order.
func (r *report) ratios(of []record, key string) (ratios []float64) {
	for _, t := range of {
		for _, base := range r.of(t.Scenario, t.Load, r.Baseline) {
			figure, ok := t.Figures[key]
			if base.Round == t.Round && base.Figures[key] > 0 && ok {
				ratios = append(ratios, figure/base.Figures[key])
			}
		}
	}
	slices.Sort(ratios)
	return ratios
}

func ratioCell(ratios []float64) string {
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f [%.2f %.2f]", median(ratios), ratios[0], ratios[len(ratios)-1])
}

// cell returns the median of a figure, or the words that were noted.
func (c column) cell(of []record) string {
	var figures []float64
	var notes []string
	for _, t := range of {
		if figure, ok := t.Figures[c.key]; ok {
			figures = append(figures, figure)
		}
		if note, ok := t.Notes[c.key]; ok && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	switch {
	case c.note && len(notes) > 0:
		return strings.Join(notes, "; ")
	case c.note || len(figures) == 0:
		return "-"
	}
	slices.Sort(figures)
	return fmt.Sprintf("%.*f", c.decimals, median(figures))
}

// median of what is sorted.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
