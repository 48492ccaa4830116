package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// maxSecretFile bounds what is read of a file that is to hold a secret: it may be
// another one by mistake.
const maxSecretFile = 64 << 10

// readSecret returns what a file holds, without the line ends behind it. It refuses a
// secret of fewer than atLeast bytes. The error names the file, and nothing of its content.
func readSecret(file string, atLeast int) ([]byte, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(content, "\r\n")
	switch {
	case len(secret) == 0:
		return nil, fmt.Errorf("%s is empty", file)
	case len(secret) < atLeast:
		return nil, fmt.Errorf("%s holds a secret that is too short: it has at least %d bytes", file, atLeast)
	case len(content) > maxSecretFile:
		return nil, fmt.Errorf("%s is too large for a secret", file)
	}
	return secret, nil
}

// readFile returns the content of a file, or one byte more than maxSecretFile of it. It
// refuses what is no regular file: to open a pipe may wait for ever, and no signal would
// end the program meanwhile.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxSecretFile+1))
}
