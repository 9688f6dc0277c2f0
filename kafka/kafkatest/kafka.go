package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// distribution is one version of Kafka on disk.
type distribution struct {
	java    string
	dir     string
	options []string // of java, beside those that every process has
}

const (
	storageDir  = "storage" // the data folder that Kafka's own tool has formatted
	libsDir     = "libs"
	loggingFile = "log4j.properties"
)

// installKafka returns the distribution of a version, downloaded if need be.
func installKafka(ctx context.Context, c *cache, version string) (*distribution, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	dir, err := c.install(ctx, "kafka-"+version, func(ctx context.Context, dir string) error {
		// The bridge from slf4j to reload4j is part of Kafka 3 and works for Kafka 4 as well. So
		// there is one logging configuration, not two.
		err := copyJars(ctx, dir, filepath.Join(dir, libsDir),
			artifact{group: "org.apache.kafka", id: "kafka_2.13", version: version},
			artifact{group: "org.apache.kafka", id: "kafka-tools", version: version},
			artifact{group: "org.slf4j", id: "slf4j-reload4j", version: "1.7.36"},
		)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, loggingFile), []byte(logging), 0o644); err != nil {
			return fmt.Errorf("kafkatest: %w", err)
		}
		return formatTemplate(ctx, &distribution{java: java, dir: dir})
	})
	if err != nil {
		return nil, err
	}
	d := &distribution{java: java, dir: dir}
	return d.withArchive(c.archive(ctx, "kafka-"+version, d)), nil
}

// logging sends warnings to standard output, which is the broker's log file.
const logging = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
`

// command returns the arguments of java that run one of Kafka's main classes. A process that is
// killed cannot clean up behind itself. So its temporary files go to tmp, not to the system's
// folder, or are not made at all.
func (d *distribution) command(tmp, class string, args ...string) []string {
	return slices.Concat([]string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-XX:-UsePerfData", "-Djava.io.tmpdir=" + tmp,
	}, d.options, []string{
		"-Dlog4j.configuration=file:" + filepath.Join(d.dir, loggingFile),
		"-cp", filepath.Join(d.dir, libsDir, "*"),
		class,
	}, args)
}

// formatTemplate lets Kafka's own tool format one data folder. Only that tool knows which feature
// levels a version starts with. The nodes differ only in three lines of meta.properties. So the
// tool runs once for each version, not once for each broker.
func formatTemplate(ctx context.Context, d *distribution) error {
	storage := filepath.Join(d.dir, storageDir)
	ports := portPlan{brokers: []int{1}, controllers: []int{2}} // nothing listens
	config := filepath.Join(d.dir, "format.properties")
	settings := renderProperties(properties(0, ports, storage, nil))
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	return runTool(ctx, d.dir, "Kafka's storage tool could not format a data folder", d.java,
		d.command(d.dir, "kafka.tools.StorageTool", "format", "-t", newUUID(), "-c", config)...)
}

// metaProperties names the file that ties a data folder to a node and a cluster.
const metaProperties = "meta.properties"

var (
	nodeLine      = regexp.MustCompile(`(?m)^node\.id=.*$`)
	clusterLine   = regexp.MustCompile(`(?m)^cluster\.id=.*$`)
	directoryLine = regexp.MustCompile(`(?m)^directory\.id=.*$`) // from Kafka 3.7
)

// format formats dataDir as the storage tool would for this node, unless it is formatted already.
func (d *distribution) format(dataDir, clusterID string, node int) error {
	if _, err := os.Stat(filepath.Join(dataDir, metaProperties)); err == nil {
		return nil
	}
	// The folder is made beside its place, then renamed: half a format would look like a whole one.
	unfinished := filepath.Join(filepath.Dir(dataDir), "unfinished-"+filepath.Base(dataDir))
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	if err := os.CopyFS(unfinished, os.DirFS(filepath.Join(d.dir, storageDir))); err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	path := filepath.Join(unfinished, metaProperties)
	meta, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	meta = nodeLine.ReplaceAll(meta, []byte("node.id="+strconv.Itoa(node)))
	meta = clusterLine.ReplaceAll(meta, []byte("cluster.id="+clusterID))
	meta = directoryLine.ReplaceAll(meta, []byte("directory.id="+newUUID()))
	if err := os.WriteFile(path, meta, 0o644); err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	if err := os.Rename(unfinished, dataDir); err != nil {
		return fmt.Errorf("kafkatest: format: %w", err)
	}
	return nil
}

// newUUID returns a random id in Kafka's notation. It never begins with a dash: such an id would
// look like an option on a command line.
func newUUID() string {
	for {
		var b [16]byte
		rand.Read(b[:]) // never fails
		if id := base64.RawURLEncoding.EncodeToString(b[:]); !strings.HasPrefix(id, "-") {
			return id
		}
	}
}
