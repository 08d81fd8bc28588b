// A CometBFT node with its application in one process, as fast as it can be had.
//
// It is CometBFT's own command (testnet, start) with another application: see app.go. The process
// ends when its standard input does, so that it never outlives the program that started it.
package main

import (
	"io"
	"os"

	cmd "github.com/cometbft/cometbft/cmd/cometbft/commands"
	cfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/cli"
	"github.com/cometbft/cometbft/libs/log"
	nm "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
)

func main() {
	root := cmd.RootCmd
	root.AddCommand(cmd.TestnetFilesCmd, cmd.NewRunNodeCmd(node))
	if err := cli.PrepareBaseCmd(root, "CMT", os.Getenv("HOME")).Execute(); err != nil {
		os.Exit(1)
	}
}

func node(config *cfg.Config, logger log.Logger) (*nm.Node, error) {
	go untilEOF()
	key, err := p2p.LoadOrGenNodeKey(config.NodeKeyFile())
	if err != nil {
		return nil, err
	}
	app, err := open(config.DBDir(), os.Getenv("PEER_SIGNED") == "1")
	if err != nil {
		return nil, err
	}
	return nm.NewNode(
		config,
		privval.LoadOrGenFilePV(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile()),
		key,
		proxy.NewConnSyncLocalClientCreator(app),
		nm.DefaultGenesisDocProviderFunc(config),
		cfg.DefaultDBProvider,
		nm.DefaultMetricsProvider(config.Instrumentation),
		logger,
	)
}

func untilEOF() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
