// Command oracle answers the same questions as the Rust module `tlog`, by Go's own implementation
// (golang.org/x/mod/sumdb), so that a mistake in ours cannot hide in both the code and its tests.
//
// It prints its answer and exits 0, or prints an error and exits 1. Entries come on standard input,
// one per line in hexadecimal.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const usage = `usage: oracle verify-note VKEY FILE
       oracle verify-proof VKEY FILE ENTRYHEX
       oracle verify-stored VKEY FILE CHECKPOINT ENTRYHEX
       oracle vkey NAME KEYHEX
       oracle root                 < entries
       oracle prove INDEX          < entries
       oracle consistency OLD NEW  < entries`

const proofHeader = "c2sp.org/tlog-proof@v1"

func main() {
	answer, err := run(os.Args[1:], os.Stdin)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Print(answer)
}

func run(args []string, input io.Reader) (string, error) {
	if len(args) == 0 {
		return "", errors.New(usage)
	}
	switch command, rest := args[0], args[1:]; {
	case command == "verify-note" && len(rest) == 2:
		return verifyNote(rest[0], rest[1])
	case command == "verify-proof" && len(rest) == 3:
		return verifyProof(rest[0], rest[1], rest[2])
	case command == "verify-stored" && len(rest) == 4:
		return verifyStored(rest[0], rest[1], rest[2], rest[3])
	case command == "vkey" && len(rest) == 2:
		return vkey(rest[0], rest[1])
	case command == "root" && len(rest) == 0:
		return root(input)
	case command == "prove" && len(rest) == 1:
		return prove(rest[0], input)
	case command == "consistency" && len(rest) == 2:
		return consistency(rest[0], rest[1], input)
	}
	return "", errors.New(usage)
}

// open verifies a signed note by one key, which must be the one that signed it.
func open(vkey string, signed []byte) (*note.Note, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return note.Open(signed, note.VerifierList(verifier))
}

func verifyNote(vkey, file string) (string, error) {
	signed, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	opened, err := open(vkey, signed)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("ok %d signature(s), %d bytes of text\n", len(opened.Sigs), len(opened.Text)), nil
}

// proofFile is a parsed .tlog-proof, its checkpoint still unverified.
type proofFile struct {
	index      int64
	path       tlog.RecordProof
	checkpoint []byte
}

func parseProof(file []byte) (*proofFile, error) {
	head, checkpoint, found := bytes.Cut(file, []byte("\n\n"))
	if !found {
		return nil, errors.New("proof: no blank line")
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return nil, errors.New("proof: wrong first line")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("proof: no index line")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	parsed := &proofFile{index: index, checkpoint: checkpoint}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("proof: %w", err)
		}
		parsed.path = append(parsed.path, hash)
	}
	return parsed, nil
}

func parseCheckpoint(text string) (size int64, root tlog.Hash, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return 0, tlog.Hash{}, errors.New("checkpoint: fewer than three lines")
	}
	if size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return 0, tlog.Hash{}, fmt.Errorf("checkpoint: %w", err)
	}
	root, err = tlog.ParseHash(lines[2])
	return size, root, err
}

func readProof(file string) (*proofFile, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseProof(content)
}

// verifyProof checks a proof file by the checkpoint inside it.
func verifyProof(vkey, file, entryHex string) (string, error) {
	proof, err := readProof(file)
	if err != nil {
		return "", err
	}
	return check(vkey, proof, proof.checkpoint, entryHex)
}

// verifyStored checks a proof file by a checkpoint from elsewhere, as the log keeps it; the one inside is not looked at.
func verifyStored(vkey, file, checkpoint, entryHex string) (string, error) {
	proof, err := readProof(file)
	if err != nil {
		return "", err
	}
	signed, err := os.ReadFile(checkpoint)
	if err != nil {
		return "", err
	}
	return check(vkey, proof, signed, entryHex)
}

func check(vkey string, proof *proofFile, signed []byte, entryHex string) (string, error) {
	entry, err := hex.DecodeString(entryHex)
	if err != nil {
		return "", err
	}
	opened, err := open(vkey, signed)
	if err != nil {
		return "", err
	}
	size, root, err := parseCheckpoint(opened.Text)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(proof.path, size, root, proof.index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("ok entry %d of %d\n", proof.index, size), nil
}

// vkey encodes a public key under a name, as it is handed to the other commands.
func vkey(name, keyHex string) (string, error) {
	key, err := hex.DecodeString(keyHex)
	if err != nil {
		return "", err
	}
	encoded, err := note.NewEd25519VerifierKey(name, ed25519.PublicKey(key))
	return encoded + "\n", err
}

// tree holds every stored hash of a log in Go's storage order, and its number of entries.
type tree struct {
	size   int64
	hashes []tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("no stored hash %d", index)
		}
		found[i] = t.hashes[index]
	}
	return found, nil
}

func readTree(input io.Reader) (*tree, error) {
	t := &tree{}
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		entry, err := hex.DecodeString(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", t.size, err)
		}
		hashes, err := tlog.StoredHashes(t.size, entry, t)
		if err != nil {
			return nil, err
		}
		t.hashes = append(t.hashes, hashes...)
		t.size++
	}
	return t, lines.Err()
}

func root(input io.Reader) (string, error) {
	t, err := readTree(input)
	if err != nil {
		return "", err
	}
	hash, err := tlog.TreeHash(t.size, t)
	if err != nil {
		return "", err
	}
	return printed([]tlog.Hash{hash}), nil
}

func prove(indexText string, input io.Reader) (string, error) {
	index, err := strconv.ParseInt(indexText, 10, 64)
	if err != nil {
		return "", err
	}
	t, err := readTree(input)
	if err != nil {
		return "", err
	}
	path, err := tlog.ProveRecord(t.size, index, t)
	if err != nil {
		return "", err
	}
	return printed(path), nil
}

func consistency(oldText, newText string, input io.Reader) (string, error) {
	older, err := strconv.ParseInt(oldText, 10, 64)
	if err != nil {
		return "", err
	}
	newer, err := strconv.ParseInt(newText, 10, 64)
	if err != nil {
		return "", err
	}
	t, err := readTree(input)
	if err != nil {
		return "", err
	}
	if newer > t.size {
		return "", fmt.Errorf("only %d entries given", t.size)
	}
	proof, err := tlog.ProveTree(newer, older, t)
	if err != nil {
		return "", err
	}
	return printed(proof), nil
}

func printed(hashes []tlog.Hash) string {
	var lines strings.Builder
	for _, hash := range hashes {
		lines.WriteString(base64.StdEncoding.EncodeToString(hash[:]) + "\n")
	}
	return lines.String()
}
