package kafkatest

import (
	"context"
	"io"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// pythonClient names the client that [Python] brings.
const pythonClient = "python-confluent-kafka-2.16.0"

// pythonPackages are Confluent's client for Python with its registry client and Avro, and all that
// these import, to the version.
func pythonPackages() []string {
	return []string{
		"confluent-kafka==2.16.0", "fastavro==1.13.1",
		"anyio==4.16.0", "attrs==26.1.0", "authlib==1.9.9", "cachetools==8.0.1", "certifi==2026.10.18", "cffi==2.1.1",
		"cryptography==50.0.2", "h11==0.16.0", "httpcore2==2.16.2", "httpx2==2.16.2", "idna==3.20", "joserfc==1.8.0",
		"pycparser==3.12", "truststore==0.10.5", "typing_extensions==4.16.0",
	}
}

// Python runs Python programs that may import confluent_kafka, with its schema registry and Avro
// parts: a client that shares nothing with this module but the wire. It needs Python 3.11 with pip.
type Python struct {
	interpreter string
	packages    string // folder
}

// InstallPython returns a Python with the client, which is downloaded if need be to the folder of all downloads.
// out is told about it; nil: nobody.
func InstallPython(ctx context.Context, out io.Writer) (*Python, error) {
	return InstallPythonPackages(ctx, out, pythonClient, pythonPackages()...)
}

// InstallPythonPackages returns a Python whose programs may import the packages, each as "name==version" with all that they import
// among them. They are downloaded if need be to the folder of all downloads, under the given name, which stands for these versions.
func InstallPythonPackages(ctx context.Context, out io.Writer, name string, packages ...string) (*Python, error) {
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
	return &Python{interpreter, folder}, nil
}

// Run runs a program to its end, or kills it when ctx is done, and returns what it printed. Like
// every child it dies with this process. What it printed to standard error is in the error.
func (p *Python) Run(ctx context.Context, stdin []byte, script string, args ...string) ([]byte, error) {
	env := []string{"PYTHONPATH=" + p.packages, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"}
	return runScript(ctx, stdin, env, p.interpreter, script, args...)
}
