package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/internal/process"
)

// source is where the module's files are: the programs to build and the configuration that the
// containers use too.
type source string

// findSource finds the module around the current folder.
func findSource(ctx context.Context) (source, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w: Go builds the parts that are programs of this module, put it on the PATH",
			err)
	}
	root := source(filepath.Dir(strings.TrimSpace(string(output))))
	if _, err := os.Stat(root.config("kafka", "server.properties")); err != nil {
		return "", fmt.Errorf("%w: run this in a checkout of the module", err)
	}
	return root, nil
}

// config returns the path of a file in examples/infrastructure.
func (s source) config(names ...string) string {
	return filepath.Join(append([]string{string(s), "examples", "infrastructure"}, names...)...)
}

// has reports whether there is a program in a folder.
func (s source) has(folder string) bool {
	_, err := os.Stat(filepath.Join(string(s), folder, "main.go"))
	return err == nil
}

// build puts programs into dir, each under the name of its folder. Its temporary files are there,
// too.
func (s source) build(ctx context.Context, dir string, folders ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, folder := range folders {
		args = append(args, "./"+folder)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = string(s)
	// If a build is killed, it leaves what it has begun: in dir, which the caller removes.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "GOTMPDIR="+dir, "TMPDIR="+dir) // the second one is the linker's
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := process.Run(ctx, cmd); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, &output)
	}
	return nil
}

// brokerProperties reads the settings that all brokers share.
func (s source) brokerProperties() (map[string]string, error) {
	return propertiesIn(s.config("kafka", "server.properties"))
}

// propertiesIn reads a file of Java properties that needs no escapes.
func propertiesIn(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	properties := make(map[string]string)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s: found the line %q, expected name=value", path, line)
		}
		properties[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return properties, lines.Err()
}

// target is what Prometheus scrapes.
type target struct {
	job     string
	address string
	broker  int // -1 for what is not a broker
}

// prometheusConfig makes dir a copy of the containers' configuration, with the given targets
// instead of theirs.
func (s source) prometheusConfig(dir string, targets []target) error {
	if err := os.MkdirAll(filepath.Join(dir, "targets"), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"prometheus.yml", "rules.yml"} {
		text, err := os.ReadFile(s.config("prometheus", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	files := make(map[string]string)
	for _, t := range targets {
		text := fmt.Sprintf("- targets: [%q]\n", t.address)
		if t.broker >= 0 {
			text = fmt.Sprintf("- {targets: [%q], labels: {broker: %q}}\n", t.address, strconv.Itoa(t.broker))
		}
		files[t.job] += text
	}
	var errs []error
	for job, text := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, "targets", job+".yml"), []byte(text), 0o644))
	}
	return errors.Join(errs...)
}
