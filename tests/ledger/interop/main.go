// Command interop verifies a directory of Tongzhang log files with independent code.
//
// See README.md beside this file for the directory's contents.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: interop DIR")
		os.Exit(2)
	}
	if err := check(os.Args[1]); err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func check(dir string) error {
	t, err := readTrust(dir)
	if err != nil {
		return err
	}
	newer, err := openFile(t, filepath.Join(dir, "checkpoint.txt"))
	if err != nil {
		return err
	}
	older, err := openFile(t, filepath.Join(dir, "old-checkpoint.txt"))
	if err != nil {
		return err
	}
	if err := checkConsistency(filepath.Join(dir, "consistency.txt"), older, newer); err != nil {
		return err
	}
	if err := checkProofs(t, dir); err != nil {
		return err
	}
	return checkTiles(dir, newer)
}

// trust is what a verifier is configured with.
type trust struct {
	log       note.Verifier
	cosigners []note.Verifier
	quorum    int
}

func readTrust(dir string) (*trust, error) {
	vkey, err := os.ReadFile(filepath.Join(dir, "vkey.txt"))
	if err != nil {
		return nil, err
	}
	t := &trust{}
	if t.log, err = note.NewVerifier(strings.TrimSuffix(string(vkey), "\n")); err != nil {
		return nil, fmt.Errorf("vkey.txt: %w", err)
	}
	fmt.Println("log key accepted:", strings.TrimSuffix(string(vkey), "\n"))
	lines, err := readLines(filepath.Join(dir, "cosigners.txt"))
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		v, err := newCosigner(line)
		if err != nil {
			return nil, fmt.Errorf("cosigners.txt: %w", err)
		}
		t.cosigners = append(t.cosigners, v)
		fmt.Println("cosigner key accepted:", line)
	}
	quorum, err := readLines(filepath.Join(dir, "quorum.txt"))
	if err != nil || len(quorum) != 1 {
		return nil, errors.New("quorum.txt: expected one line")
	}
	if t.quorum, err = strconv.Atoi(quorum[0]); err != nil || t.quorum < 1 {
		return nil, errors.New("quorum.txt: expected a positive number")
	}
	return t, nil
}

func openFile(t *trust, path string) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := t.open(data, filepath.Base(path))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return tree, nil
}

// open verifies a signed checkpoint and returns the tree it stands for.
func (t *trust) open(data []byte, what string) (tlog.Tree, error) {
	known := append([]note.Verifier{t.log}, t.cosigners...)
	n, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, err
	}
	served, count := false, 0
	for _, sig := range n.Sigs {
		if sig.Name == t.log.Name() && sig.Hash == t.log.KeyHash() {
			served = true
			continue
		}
		count++
	}
	if !served {
		return tlog.Tree{}, errors.New("the log's own signature is missing")
	}
	if count < t.quorum {
		return tlog.Tree{}, fmt.Errorf("%d cosignatures, want %d", count, t.quorum)
	}
	tree, err := parseCheckpoint(n.Text, t.log.Name())
	if err != nil {
		return tlog.Tree{}, err
	}
	fmt.Printf("%s: checkpoint of size %d verified, %d cosignatures\n", what, tree.N, count)
	return tree, nil
}

// parseCheckpoint reads a note text of C2SP tlog-checkpoint.
func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return tlog.Tree{}, errors.New("not a checkpoint of this origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, errors.New("malformed tree size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

func checkConsistency(path string, older, newer tlog.Tree) error {
	lines, err := readLines(path)
	if err != nil {
		return err
	}
	proof, err := parseHashes(lines)
	if err != nil {
		return fmt.Errorf("consistency.txt: %w", err)
	}
	if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("consistency.txt: %w", err)
	}
	fmt.Printf("consistency.txt: %d is a prefix of %d\n", older.N, newer.N)
	return nil
}

func checkProofs(t *trust, dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.tlog-proof"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("no *.tlog-proof")
	}
	sort.Strings(names)
	for _, name := range names {
		if err := checkProof(t, name); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

// checkProof verifies one file of C2SP tlog-proof against the leaf beside it.
func checkProof(t *trust, name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(strings.TrimSuffix(name, ".tlog-proof") + ".leaf")
	if err != nil {
		return err
	}
	head, checkpoint, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("malformed proof file")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("no index line")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	path, err := parseHashes(lines[1:])
	if err != nil {
		return err
	}
	tree, err := t.open(checkpoint, filepath.Base(name))
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(tlog.RecordProof(path), tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return err
	}
	fmt.Printf("%s: leaf %d is in the tree of size %d\n", filepath.Base(name), index, tree.N)
	return nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// readLines returns the lines of a file, each of which must end in a newline.
func readLines(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, nil
	}
	if data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("%s: no newline at the end", filepath.Base(path))
	}
	return strings.Split(string(data[:len(data)-1]), "\n"), nil
}
