package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
)

const (
	keyBytes       = 32
	signatureBytes = 64
	wrong          = 1
)

var place = []byte("\x00place")

// application keeps key-value pairs: a transaction is KEY=VALUE, and if they are signed,
// public key (32 bytes), signature (64 bytes) of what follows, KEY=VALUE.
//
// A signature is checked once a node: in CheckTx, or in ProcessProposal if the node had not the
// transaction yet. The pairs are written without sync: after a crash CometBFT replays the blocks,
// which it has synced, from the height that is written beside them.
type application struct {
	types.BaseApplication
	signed bool
	db     dbm.DB
	batch  dbm.Batch

	mutex   sync.Mutex
	checked map[[sha256.Size]byte]struct{}

	Size   int64  `json:"size"`
	Height int64  `json:"height"`
	Hash   []byte `json:"hash"`
}

func open(folder string, signed bool) (*application, error) {
	db, err := dbm.NewGoLevelDB("application", folder)
	if err != nil {
		return nil, err
	}
	app := &application{signed: signed, db: db, checked: map[[sha256.Size]byte]struct{}{}}
	known, err := db.Get(place)
	if err == nil && known != nil {
		err = json.Unmarshal(known, app)
	}
	return app, err
}

func (app *application) Info(context.Context, *types.RequestInfo) (*types.ResponseInfo, error) {
	app.mutex.Lock()
	defer app.mutex.Unlock()
	return &types.ResponseInfo{
		Data:             fmt.Sprint(app.Size),
		LastBlockHeight:  app.Height,
		LastBlockAppHash: app.Hash,
	}, nil
}

func (app *application) CheckTx(
	_ context.Context, asked *types.RequestCheckTx,
) (*types.ResponseCheckTx, error) {
	if !app.good(asked.Tx) {
		return &types.ResponseCheckTx{Code: wrong}, nil
	}
	return &types.ResponseCheckTx{Code: types.CodeTypeOK}, nil
}

func (app *application) ProcessProposal(
	_ context.Context, asked *types.RequestProcessProposal,
) (*types.ResponseProcessProposal, error) {
	for _, tx := range asked.Txs {
		if !app.good(tx) {
			return &types.ResponseProcessProposal{Status: types.ResponseProcessProposal_REJECT}, nil
		}
	}
	return &types.ResponseProcessProposal{Status: types.ResponseProcessProposal_ACCEPT}, nil
}

// good tells whether a transaction may stand in a block; of signed ones each is checked once.
func (app *application) good(tx []byte) bool {
	if !app.signed {
		return bytes.IndexByte(tx, '=') > 0
	}
	if len(tx) <= keyBytes+signatureBytes {
		return false
	}
	hash := sha256.Sum256(tx)
	app.mutex.Lock()
	_, known := app.checked[hash]
	app.mutex.Unlock()
	if known {
		return true
	}
	key := ed25519.PubKey(tx[:keyBytes])
	pair := tx[keyBytes+signatureBytes:]
	if bytes.IndexByte(pair, '=') <= 0 || !key.VerifySignature(pair, tx[keyBytes:keyBytes+signatureBytes]) {
		return false
	}
	app.mutex.Lock()
	app.checked[hash] = struct{}{}
	app.mutex.Unlock()
	return true
}

func (app *application) FinalizeBlock(
	_ context.Context, asked *types.RequestFinalizeBlock,
) (*types.ResponseFinalizeBlock, error) {
	app.batch = app.db.NewBatch()
	results := make([]*types.ExecTxResult, len(asked.Txs))
	digest := sha256.New()
	digest.Write(app.Hash)
	for number, tx := range asked.Txs {
		results[number] = &types.ExecTxResult{Code: types.CodeTypeOK}
		if !app.good(tx) {
			results[number].Code = wrong
			continue
		}
		if app.signed {
			app.forget(tx)
			tx = tx[keyBytes+signatureBytes:]
		}
		end := bytes.IndexByte(tx, '=')
		if err := app.batch.Set(tx[:end], tx[end+1:]); err != nil {
			return nil, err
		}
		_ = binary.Write(digest, binary.BigEndian, uint32(len(tx)))
		digest.Write(tx)
	}
	app.mutex.Lock()
	defer app.mutex.Unlock()
	app.Size += int64(len(asked.Txs))
	app.Height = asked.Height
	app.Hash = digest.Sum(nil)
	return &types.ResponseFinalizeBlock{TxResults: results, AppHash: app.Hash}, nil
}

// forget lets go of what is decided; CometBFT's own cache keeps it from being asked about again.
func (app *application) forget(tx []byte) {
	hash := sha256.Sum256(tx)
	app.mutex.Lock()
	delete(app.checked, hash)
	app.mutex.Unlock()
}

func (app *application) Commit(
	context.Context, *types.RequestCommit,
) (*types.ResponseCommit, error) {
	known, err := json.Marshal(app)
	if err == nil {
		err = app.batch.Set(place, known)
	}
	if err == nil {
		err = app.batch.Write()
	}
	if err == nil {
		err = app.batch.Close()
	}
	return &types.ResponseCommit{}, err
}
