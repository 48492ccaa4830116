//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process has used up to some time. The kernel keeps it, so
// it is the server's own cost, whatever else runs on the machine.
type usage struct {
	at       time.Time
	took     time.Duration // of what was used between two readings
	cpu      time.Duration // in user and kernel, all threads, ended ones too
	switches int           // of context, of all threads that live
}

// usage reads what the server has used.
func (p *process) usage() usage {
	u := usage{at: time.Now(), cpu: p.cpu()}
	for _, status := range p.threads() {
		u.switches += field(status, "voluntary_ctxt_switches:") + field(status, "nonvoluntary_ctxt_switches:")
	}
	return u
}

// since returns what was used between two readings.
func (u usage) since(before usage) usage {
	return usage{u.at, u.at.Sub(before.at), u.cpu - before.cpu, u.switches - before.switches}
}

// microseconds returns the CPU time for each of n.
func (u usage) microseconds(n int) float64 { return per(float64(u.cpu)/1e3, n) }

// perSecond returns how many of n there were in a second, and 0 if nothing was
// used.
func (u usage) perSecond(n int) float64 {
	if u.took == 0 {
		return 0
	}
	return float64(n) / u.took.Seconds()
}

// per returns a share of n, and 0 if there is none.
func per(total float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return total / float64(n)
}

// cpu reads the clock that counts the CPU time of another process. The kernel
// makes its number of the process id: man clock_getcpuclockid.
func (p *process) cpu() time.Duration {
	const allThreads = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if unix.ClockGettime(int32(^p.pid<<3|allThreads), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// works reports whether the server has used CPU time since the last call, or
// waits for a processor. Neither is true of one that has nothing to do.
func (p *process) works() bool {
	before := p.worked
	p.worked = p.cpu()
	return p.worked > before || slices.ContainsFunc(p.threads(), func(status []byte) bool {
		return bytes.Contains(status, []byte("\nState:\tR"))
	})
}

// threads returns what the kernel says of each.
func (p *process) threads() (all [][]byte) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.pid))
	for _, task := range tasks {
		if status, err := os.ReadFile(task); err == nil { // it may have ended
			all = append(all, status)
		}
	}
	return all
}

// threadCPU returns what the calling thread has used: the generator, by which
// one sees whether it bounds what is measured.
func threadCPU() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// rss returns the resident memory in KiB.
func (p *process) rss() float64 { return float64(p.status("VmRSS:")) }

// peak returns the largest resident memory since forgetPeak, in KiB.
func (p *process) peak() float64 { return float64(p.status("VmHWM:")) }

// forgetPeak sets the peak to the present value. Of a process of another
// user we may not ask that: its peak is that of its life.
func (p *process) forgetPeak() {
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid), []byte("5"), 0)
}

func (p *process) status(key string) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	return field(status, key)
}

// field returns the number on the line of /proc/PID/status that begins with a
// key; 0 if there is none.
func field(status []byte, key string) int {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			n, _ := strconv.Atoi(string(bytes.Fields(rest)[0]))
			return n
		}
	}
	return 0
}
