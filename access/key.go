package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"portreeve/fault"
)

// Key is the secret from which the keys of one portal are derived. It is never in the database: who has only the database
// can neither forge the audit log nor read what is sealed.
type Key struct {
	secret []byte
}

// minKey is the least length of a key's text: 43 characters of base64 hold 256 bits.
const minKey = 32

// ParseKey reads a key as an operator writes it: at least 32 characters, not one character repeated, not one of an example.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	distinct := map[rune]bool{}
	for _, r := range text {
		distinct[r] = true
	}
	lower := strings.ToLower(text)
	sample := false
	for _, word := range []string{"changeme", "change-me", "change_me", "secret", "example", "password", "0123456789", "abcdefgh"} {
		sample = sample || strings.Contains(lower, word)
	}
	switch {
	case text == "":
		return Key{}, fault.Invalidf("PORTREEVE_SESSION_KEY", "there is no session key: set PORTREEVE_SESSION_KEY or PORTREEVE_SESSION_KEY_FILE to 32 random characters or more, such as openssl rand -base64 32 prints")
	case len(text) < minKey:
		return Key{}, fault.Invalidf("PORTREEVE_SESSION_KEY", "the session key has %d characters, and must have at least %d: openssl rand -base64 32 prints one", len(text), minKey)
	case sample, len(distinct) < 12:
		return Key{}, fault.Invalidf("PORTREEVE_SESSION_KEY", "the session key looks like an example: openssl rand -base64 32 prints one that nobody knows")
	}
	return Key{[]byte(text)}, nil
}

// NewKey returns the text of a new random key.
func NewKey() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// Zero reports whether there is no key.
func (k Key) Zero() bool { return len(k.secret) == 0 }

// derive returns the 32 bytes for one purpose.
func (k Key) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "portreeve "+purpose, 32)
	if err != nil {
		panic(err) // only for lengths beyond 8,160
	}
	return key
}

// id names a derived key without telling anything of it.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("portreeve key id "), key...))
	return hex.EncodeToString(sum[:6])
}

// Seal encrypts a text so that only this key opens it, for this purpose: AES-256-GCM under a random nonce, which stands in front.
func (k Key) Seal(purpose, text string) ([]byte, error) {
	gcm, err := k.gcm(purpose)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce) // never fails
	return gcm.Seal(nonce, nonce, []byte(text), []byte(purpose)), nil
}

// Open is the inverse of Seal. What was sealed by another key, for another purpose, or changed, is an error.
func (k Key) Open(purpose string, sealed []byte) (string, error) {
	gcm, err := k.gcm(purpose)
	if err != nil {
		return "", err
	}
	if len(sealed) < gcm.NonceSize() {
		return "", errors.New("this was not sealed here")
	}
	text, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(purpose))
	return string(text), err
}

func (k Key) gcm(purpose string) (cipher.AEAD, error) {
	if k.Zero() {
		return nil, errors.New("there is no session key")
	}
	block, err := aes.NewCipher(k.derive("seal " + purpose))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
