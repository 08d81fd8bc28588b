package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// tileDir is a tlog.TileReader over a directory in the layout of C2SP tlog-tiles.
type tileDir string

func (d tileDir) Height() int                         { return tileHeight }
func (d tileDir) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (d tileDir) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := d.read(t)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// read drops the height from the path, which C2SP fixes at 8, and renames the entry level.
func (d tileDir) read(t tlog.Tile) ([]byte, error) {
	rest, ok := strings.CutPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if !ok {
		return nil, errors.New("a tile of another height")
	}
	if entries, isData := strings.CutPrefix(rest, "data/"); isData {
		rest = "entries/" + entries
	}
	return os.ReadFile(filepath.Join(string(d), "tile", filepath.FromSlash(rest)))
}

// checkTiles authenticates every leaf hash through the tiles, and every entry by its leaf hash.
func checkTiles(dir string, tree tlog.Tree) error {
	if _, err := os.Stat(filepath.Join(dir, "tile")); os.IsNotExist(err) {
		return nil
	}
	indexes := make([]int64, tree.N)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, int64(i))
	}
	hashes, err := tlog.TileHashReader(tree, tileDir(dir)).ReadHashes(indexes)
	if err != nil {
		return fmt.Errorf("tile: %w", err)
	}
	fmt.Printf("tile: %d leaf hashes verified\n", len(hashes))
	for start := int64(0); start < tree.N; start += 1 << tileHeight {
		if err := checkEntries(tileDir(dir), start, hashes); err != nil {
			return fmt.Errorf("tile/entries: %w", err)
		}
	}
	fmt.Printf("tile/entries: %d entries verified\n", tree.N)
	return nil
}

func checkEntries(d tileDir, start int64, hashes []tlog.Hash) error {
	width := min(int64(len(hashes))-start, 1<<tileHeight)
	t := tlog.Tile{H: tileHeight, L: -1, N: start >> tileHeight, W: int(width)}
	data, err := d.read(t)
	if err != nil {
		return err
	}
	for i := start; i < start+width; i++ {
		if len(data) < 2 {
			return errors.New("the bundle is cut short")
		}
		size := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+size {
			return errors.New("the bundle is cut short")
		}
		if tlog.RecordHash(data[2:2+size]) != hashes[i] {
			return fmt.Errorf("entry %d is not the one in the tree", i)
		}
		data = data[2+size:]
	}
	if len(data) != 0 {
		return errors.New("the bundle has bytes too many")
	}
	return nil
}
