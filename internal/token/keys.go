package token

import "sync/atomic"

// Keys are the keys in some files, by which tokens are verified. They can be read
// again while tokens come in. Only one goroutine does that.
type Keys struct {
	files    []string
	rules    Rules
	keys     []Key // of each file
	verifier atomic.Pointer[Verifier]
}

// LoadKeys reads the keys in some files.
func LoadKeys(files []string, rules Rules) (*Keys, error) {
	k := &Keys{files: files, rules: rules}
	for _, file := range files {
		key, err := ReadVerifyingKey(file)
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, key)
	}
	k.verifier.Store(NewVerifier(k.keys, rules))
	return k, nil
}

// Reload reads the files again. The key of a file that is bad now stays in use. Read
// is called for each file, with what is wrong with it or nil.
func (k *Keys) Reload(read func(file string, err error)) {
	for i, file := range k.files {
		key, err := ReadVerifyingKey(file)
		if err == nil {
			k.keys[i] = key
		}
		read(file, err)
	}
	k.verifier.Store(NewVerifier(k.keys, k.rules))
}

// Verify returns what a token says, or why it is refused.
func (k *Keys) Verify(text string) (Claims, Fault) { return k.verifier.Load().Verify(text) }
