//go:build linux

package main

import "math/bits"

// histogram counts latencies in nanoseconds. Its buckets are 1/128 of a power
// of two wide, so that a percentile is right within one per cent, and adding
// one costs a few instructions and no memory.
type histogram struct {
	counts [(64 - subBits) << subBits]uint32
	total  int
	max    int64
}

const subBits = 7

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	h.counts[bucketOf(uint64(ns))]++
	h.total++
	h.max = max(h.max, ns)
}

// bucketOf is linear up to 128, and then goes by the leading eight bits.
func bucketOf(v uint64) int {
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// middleOf returns the value in the middle of a bucket.
func middleOf(bucket int) float64 {
	if bucket < 2<<subBits {
		return float64(bucket)
	}
	shift := bucket>>subBits - 1
	return (float64(bucket-shift<<subBits) + 0.5) * float64(uint64(1)<<shift)
}

// microseconds and milliseconds are quantile in other units.
func (h *histogram) microseconds(share float64) float64 { return h.quantile(share) / 1e3 }
func (h *histogram) milliseconds(share float64) float64 { return h.quantile(share) / 1e6 }

// quantile returns what a share of all stays at or below, in nanoseconds.
func (h *histogram) quantile(share float64) float64 {
	if h.total == 0 {
		return 0
	}
	rank, seen := max(int(share*float64(h.total)+0.5), 1), 0
	for bucket, count := range h.counts {
		if seen += int(count); seen >= rank {
			return min(middleOf(bucket), float64(h.max))
		}
	}
	return float64(h.max)
}
