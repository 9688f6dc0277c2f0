package kafkatest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// nodePackages are kafkajs, its registry client and a codec for lz4, and all that these import, to
// the version and the sum.
//
//go:embed node/package.json node/package-lock.json
var nodePackages embed.FS

// Node runs JavaScript programs that may require kafkajs, @kafkajs/confluent-schema-registry and
// lz4js: clients that share nothing with this module but the wire. It needs Node 18 or later with
// npm.
type Node struct {
	interpreter string
	packages    string // the folder node_modules
}

// InstallNode returns a Node with the clients, which are downloaded if need be to the folder of all
// downloads. out is told about it; nil: nobody.
func InstallNode(ctx context.Context, out io.Writer) (*Node, error) {
	const hint = "npm downloads kafkajs: install Node 18 or later with npm (Debian: nodejs npm) and put both on the PATH"
	c, err := openCache(progress.To(out))
	if err != nil {
		return nil, err
	}
	interpreter, noNode := findTool(hint, "node", "nodejs")
	npm, noNPM := findTool(hint, "npm")
	if err := errors.Join(noNode, noNPM); err != nil {
		return nil, err
	}
	name, err := nodeName()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultDownloadTimeout)
	defer cancel()
	dir, err := c.install(ctx, name, func(ctx context.Context, dir string) error {
		for _, file := range []string{"package.json", "package-lock.json"} {
			text, err := nodePackages.ReadFile("node/" + file)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, file), text, 0o600)
			}
			if err != nil {
				return fmt.Errorf("kafkatest: cache: %w", err)
			}
		}
		return runTool(ctx, dir, hint, npm,
			"ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
	})
	if err != nil {
		return nil, err
	}
	return &Node{interpreter, filepath.Join(dir, "node_modules")}, nil
}

// nodeName names what is installed by its content, so that another lock file is another folder.
func nodeName() (string, error) {
	lock, err := nodePackages.ReadFile("node/package-lock.json")
	if err != nil {
		return "", fmt.Errorf("kafkatest: %w", err)
	}
	sum := sha256.Sum256(lock)
	return "node-kafkajs-2.2.4-" + hex.EncodeToString(sum[:4]), nil
}

// Run runs a program to its end, or kills it when ctx is done, and returns what it printed. Like
// every child it dies with this process. What it printed to standard error is in the error.
func (n *Node) Run(ctx context.Context, stdin []byte, script string, args ...string) ([]byte, error) {
	env := []string{"NODE_PATH=" + n.packages, "KAFKAJS_NO_PARTITIONER_WARNING=1"}
	return runScript(ctx, stdin, env, n.interpreter, script, args...)
}
