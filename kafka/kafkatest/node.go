package kafkatest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// nodePackages are kafkajs, its registry client and a codec for lz4, and all that these import.
// Each has a version and a checksum.
//
//go:embed node/package.json node/package-lock.json
var nodePackages embed.FS

// InstallNode returns an interpreter of JavaScript programs that may require kafkajs,
// @kafkajs/confluent-schema-registry and lz4js. If need be it downloads them to the folder of all
// downloads. It says so on out unless that is nil. It needs Node 18 or later with npm.
//
// InstallNode fails with [ErrToolMissing] or [ErrToolFailed].
func InstallNode(ctx context.Context, out io.Writer) (*Interpreter, error) {
	const hint = "npm downloads kafkajs: install Node 18 or later with npm (Debian: " +
		"nodejs npm) and put both on the PATH"
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
	env := []string{"NODE_PATH=" + filepath.Join(dir, "node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING=1"}
	return &Interpreter{interpreter, env}, nil
}

// nodeName names the folder of the packages by their lock file, so that another lock file has
// another folder.
func nodeName() (string, error) {
	text, err := nodePackages.ReadFile("node/package-lock.json")
	if err != nil {
		return "", fmt.Errorf("kafkatest: %w", err)
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return "", fmt.Errorf("kafkatest: package-lock.json: %w", err)
	}
	sum := sha256.Sum256(text)
	return "node-kafkajs-" + lock.Packages["node_modules/kafkajs"].Version + "-" + hex.EncodeToString(sum[:4]), nil
}
