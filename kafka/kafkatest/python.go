package kafkatest

import (
	"context"
	"io"
	"strings"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// pythonPackages are Confluent's client for Python, the first, with its registry client and Avro,
// and all that these import. Each has a version.
func pythonPackages() []string {
	return []string{
		"confluent-kafka==2.16.0", "fastavro==1.13.1",
		"anyio==4.16.0", "attrs==26.1.0", "authlib==1.9.9", "cachetools==8.0.1", "certifi==2026.10.18", "cffi==2.1.1",
		"cryptography==50.0.2", "h11==0.16.0", "httpcore2==2.16.2", "httpx2==2.16.2", "idna==3.20", "joserfc==1.8.0",
		"pycparser==3.12", "truststore==0.10.5", "typing_extensions==4.16.0",
	}
}

// InstallPython returns an interpreter of Python programs that may import confluent_kafka, with its
// schema registry and Avro parts. If need be it downloads them to the folder of all downloads. It
// says so on out unless that is nil. It needs Python 3.11 with pip.
//
// InstallPython fails with [ErrToolMissing] or [ErrToolFailed].
func InstallPython(ctx context.Context, out io.Writer) (*Interpreter, error) {
	packages := pythonPackages()
	return InstallPythonPackages(ctx, out, "python-"+strings.Replace(packages[0], "==", "-", 1), packages...)
}

// InstallPythonPackages is InstallPython with other packages. Give each as "name==version", and
// also all that it imports. The given name stands for these versions: it is the name of their
// download.
func InstallPythonPackages(ctx context.Context, out io.Writer, name string, packages ...string) (*Interpreter, error) {
	const hint = "pip downloads packages for Python: install Python 3.11 with pip and put it on the PATH"
	c, err := openCache(progress.To(out))
	if err != nil {
		return nil, err
	}
	interpreter, err := findTool(hint, "python3.11", "python3", "python")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultDownloadTimeout)
	defer cancel()
	folder, err := c.install(ctx, name, func(ctx context.Context, dir string) error {
		args := append([]string{
			"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
			"--only-binary", ":all:", "--target", dir,
		}, packages...)
		return runTool(ctx, dir, hint, interpreter, args...)
	})
	if err != nil {
		return nil, err
	}
	return &Interpreter{interpreter, []string{"PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"}}, nil
}
