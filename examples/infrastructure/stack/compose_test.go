package main

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// composeFile is what these tests read of a compose file.
type composeFile struct {
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       map[string]any
	PullPolicy  string `yaml:"pull_policy"`
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	ExtraHosts  []string                              `yaml:"extra_hosts"`
	MemLimit    string                                `yaml:"mem_limit"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	HealthCheck struct{ Test []string }               `yaml:"healthcheck"`
	Restart     string
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	readYAML(t, filepath.Join(infrastructure, "docker-compose.yml"), &file)
	return file
}

// mount returns the folder that a container has mounted at a path.
func (s composeService) mount(t *testing.T, at string) string {
	t.Helper()
	i := slices.IndexFunc(s.Volumes, func(v string) bool { return strings.HasSuffix(v, ":"+at+":ro") })
	require.GreaterOrEqual(t, i, 0, "%s is not mounted: %v", at, s.Volumes)
	from, _, _ := strings.Cut(s.Volumes[i], ":")
	path := filepath.Join(infrastructure, from)
	require.DirExists(t, path)
	return path
}

// listens reports whether anything that the service is told names the port.
func (s composeService) listens(port string) bool {
	told := slices.Concat(s.Command, s.Ports, s.HealthCheck.Test)
	for _, value := range s.Environment {
		told = append(told, value)
	}
	return slices.ContainsFunc(told, func(text string) bool {
		return strings.Contains(text, ":"+port) || strings.Contains(text, "="+port)
	})
}

// If several services build one image, current versions of Compose build it several times at once,
// and fail.
func TestEachImageIsBuiltByOneService(t *testing.T) {
	t.Parallel()
	builders := make(map[string][]string)
	services := readCompose(t).Services
	for name, s := range services {
		if s.Build != nil {
			builders[s.Image] = append(builders[s.Image], name)
		}
	}
	require.Len(t, builders["fencelog/kafka:"+kafkatest.DefaultVersion], 1)
	for name, s := range services {
		if !strings.HasPrefix(s.Image, "fencelog/") {
			require.Nil(t, s.Build, name)
			continue
		}
		require.Len(t, builders[s.Image], 1, s.Image)
		if s.Build == nil {
			require.Equal(t, "never", s.PullPolicy, "%s: no registry has it", name)
		}
	}
}

// Prometheus's container finds its files, and everything that they name.
func TestPrometheusScrapesTheContainers(t *testing.T) {
	t.Parallel()
	services := readCompose(t).Services
	prometheus := services["prometheus"]
	const etc = "/etc/prometheus"
	require.Contains(t, prometheus.Command, "--config.file="+etc+"/prometheus.yml")
	folder := prometheus.mount(t, etc)
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                     `yaml:"job_name"`
			FileSDConfigs []struct{ Files []string } `yaml:"file_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, filepath.Join(folder, "prometheus.yml"), &config)
	for _, file := range config.RuleFiles {
		require.FileExists(t, filepath.Join(folder, file))
	}
	jobs := make(map[string]int)
	for _, job := range config.ScrapeConfigs {
		for _, file := range job.FileSDConfigs[0].Files {
			var groups []struct{ Targets []string }
			readYAML(t, filepath.Join(folder, file), &groups)
			for _, g := range groups {
				for _, target := range g.Targets {
					jobs[job.JobName]++
					host, port, err := net.SplitHostPort(target)
					require.NoError(t, err, target)
					switch host {
					case "host.docker.internal":
						require.Contains(t, prometheus.ExtraHosts, host+":host-gateway")
						require.Equal(t, "3001", port, "where the billing service listens")
						continue
					case "localhost":
						host = "prometheus"
					}
					require.Contains(t, services, host, target)
					require.True(t, services[host].listens(port), target)
				}
			}
		}
	}
	require.Equal(t, map[string]int{"prometheus": 1, "kafka": brokers, "kafka-lag": 1, "billing": 1}, jobs)
}

// Grafana's container finds its dashboards, and Prometheus.
func TestGrafanaFindsItsDashboardsAndPrometheus(t *testing.T) {
	t.Parallel()
	services := readCompose(t).Services
	provisioning := services["grafana"].mount(t, "/etc/grafana/provisioning")
	var files struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, filepath.Join(provisioning, "dashboards", "files.yml"), &files)
	require.Len(t, files.Providers, 1)
	dashboards, err := filepath.Glob(filepath.Join(services["grafana"].mount(t, files.Providers[0].Options.Path),
		"*.json"))
	require.NoError(t, err)
	require.Len(t, dashboards, len(readDashboards(t)))

	var sources struct{ Datasources []struct{ URL string } }
	readYAML(t, filepath.Join(provisioning, "datasources", "prometheus.yml"), &sources)
	require.Len(t, sources.Datasources, 1)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(sources.Datasources[0].URL, "http://"))
	require.NoError(t, err)
	require.Equal(t, "prometheus", host)
	require.True(t, services[host].listens(port))
}
