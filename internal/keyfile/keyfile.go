// Package keyfile reads files that hold a key or a secret.
package keyfile

import (
	"fmt"
	"io"
	"os"
)

// MaxSize bounds what is read of a file, in bytes: it may be another one by mistake.
const MaxSize = 64 << 10

// Read returns the content of a file. It refuses what is larger than MaxSize and what is
// no regular file: to open a pipe may wait for ever, and no signal would end the program
// meanwhile. Errors name the file, and hold nothing of what is in it.
func Read(name string) ([]byte, error) {
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
	content, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxSize {
		return nil, fmt.Errorf("%s is too large for a key or a secret", name)
	}
	return content, nil
}
