package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxExcerpt bounds what is repeated of a client's words: a refusal must not be as
// long as what it refuses, nor a line of the log.
const maxExcerpt = 64

// excerpt returns what may be repeated of s in a text or a log: at most
// maxExcerpt characters, whatever does not print escaped.
func excerpt(s string) string {
	var b strings.Builder
	room := maxExcerpt
	for _, r := range s {
		part := escapeRune(r)
		if room -= utf8.RuneCountInString(part); room < 0 {
			break
		}
		b.WriteString(part)
	}
	return b.String()
}

func escapeRune(r rune) string {
	if strconv.IsPrint(r) {
		return string(r)
	}
	return strings.Trim(strconv.QuoteRuneToASCII(r), "'")
}
