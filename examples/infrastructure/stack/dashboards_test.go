package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

const infrastructure = ".." // the folder whose files are tested here

// dashboard is what these tests read of Grafana's format.
type dashboard struct {
	UID         string   `json:"uid"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Refresh     string   `json:"refresh"`
	Time        struct{ From, To string }
	Links       []link     `json:"links"`
	Panels      []panel    `json:"panels"`
	Templating  templating `json:"templating"`
	Annotations struct {
		List []struct {
			Name, Expr string
			Datasource uid
		}
	}
}

type uid struct{ UID string }

type link struct {
	Type                              string
	Tags                              []string
	AsDropdown, IncludeVars, KeepTime bool
}

type templating struct {
	List []struct {
		Name, Type, Query, AllValue string
		Multi, IncludeAll           bool
		Refresh                     int
		Datasource                  uid
	} `json:"list"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               uid
	Links                    []struct{ Title, URL string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr string
		Datasource  uid
	}
}

// query is what a panel, or an alert, asks Prometheus.
type query struct {
	name string // for people, and the key of the table of queries without series
	expr string
}

// readDashboards returns all dashboards of the folder.
func readDashboards(t *testing.T) []dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(infrastructure, "grafana", "dashboards", "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 5)
	var all []dashboard
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var d dashboard
		require.NoError(t, json.Unmarshal(text, &d), file)
		require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".json"), d.UID, file)
		all = append(all, d)
	}
	return all
}

// alert is a rule of Prometheus.
type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func readAlerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	readYAML(t, filepath.Join(infrastructure, "prometheus", "rules.yml"), &file)
	var all []alert
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}

func TestPanelsExplainThemselves(t *testing.T) {
	t.Parallel()
	titles := make(map[string]bool)
	for _, d := range readDashboards(t) {
		require.NotEmpty(t, d.Description, d.Title)
		titles[d.Title] = true
		seen, places := make(map[int]bool), make(map[[2]int]string)
		for _, p := range d.Panels {
			name := d.Title + " / " + p.Title
			require.NotEmpty(t, p.Title, d.Title)
			require.False(t, seen[p.ID], "%s: id %d is taken", name, p.ID)
			seen[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					require.Less(t, x, 24, name)
					require.Empty(t, places[[2]int{x, y}], "%s covers it", name)
					places[[2]int{x, y}] = name
				}
			}
			if p.Type == "row" {
				continue
			}
			require.NotEmpty(t, p.Description, name)
			require.NotEmpty(t, p.FieldConfig.Defaults.Unit, name)
			require.NotEmpty(t, p.Targets, name)
			require.Equal(t, "${datasource}", p.Datasource.UID, name)
			for _, q := range p.Targets {
				require.Equal(t, "${datasource}", q.Datasource.UID, name)
			}
		}
		for _, a := range d.Annotations.List {
			require.Equal(t, "${datasource}", a.Datasource.UID, a.Name)
		}
	}
	for _, title := range []string{"Kafka Overview", "Consumer Lag", "Topic Metrics", "Broker Health", "Fencelog"} {
		require.True(t, titles[title], title)
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, a := range readAlerts(t) {
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["action"], a.Alert)
		require.Contains(t, []string{"page", "ticket"}, a.Labels["severity"], a.Alert)
	}
}

// The containers run the versions of Kafka and of the metrics exporter that run without containers.
func TestImagesHaveTheVersionsThatAreTested(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(infrastructure, "docker", "kafka.Dockerfile"))
	require.NoError(t, err)
	require.Contains(t, string(text), "FROM apache/kafka:"+kafkatest.DefaultVersion+"\n")

	exporter, err := os.ReadFile(filepath.Join(infrastructure, "..", "..", "kafka", "kafkatest", "metrics.go"))
	require.NoError(t, err)
	version := regexp.MustCompile(`exporterVersion = "(.*)"`).FindStringSubmatch(string(exporter))
	require.Len(t, version, 2)
	require.Contains(t, string(text), "io.prometheus.jmx:jmx_prometheus_javaagent:"+version[1]+" ")
	require.Contains(t, string(text), "/jmx_prometheus_javaagent-"+version[1]+".jar")
}
