//go:build cluster

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

var localhost = regexp.MustCompile(`http://localhost:\d+`)

// resolved returns docker-compose.yml as Docker's own program understands it.
func resolved(t *testing.T) composeFile {
	t.Helper()
	cmd := exec.Command("docker-compose", "--file", filepath.Join(infrastructure, "docker-compose.yml"), "config")
	cmd.Env = append(os.Environ(), "GRAFANA_PASSWORD=secret")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	require.NoError(t, err, "docker-compose (Debian's package of that name): %s", complaints.String())
	require.Empty(t, complaints.String())
	var file composeFile
	require.NoError(t, yaml.Unmarshal(output, &file))
	return file
}

func TestComposeFile(t *testing.T) {
	t.Parallel()
	file := resolved(t)
	ports := map[string]string{
		"kafka-1": "9092", "kafka-2": "9093", "kafka-3": "9094", "schema-registry": "8081", "kafka-ui": "8080",
		"prometheus": "9090", "grafana": "3000",
		"lag-exporter": "", "topics": "", "schemas": "",
	}
	require.Len(t, file.Services, len(ports))
	memory := 0
	for name, port := range ports {
		service, ok := file.Services[name]
		require.True(t, ok, name)
		if port == "" {
			require.Empty(t, service.Ports, name)
		} else {
			require.Equal(t, []string{"127.0.0.1:" + port + ":" + port + "/tcp"}, service.Ports, name)
		}
		require.Regexp(t, `:(v?\d+\.\d+\.\d+|local)$`, service.Image, "%s: an exact version", name)
		memory += megabytes(t, service.MemLimit)
		if name != "topics" && name != "schemas" { // they end
			require.NotEmpty(t, service.HealthCheck.Test, name)
			require.Equal(t, "unless-stopped", service.Restart, name)
		}
		if strings.HasPrefix(name, "kafka-") && name != "kafka-ui" {
			require.Empty(t, service.DependsOn, "brokers need one another: all start at once")
			require.Contains(t, strings.Join(service.Volumes, " "), name+"-data:/var/lib/kafka/data")
			require.Contains(t, file.Volumes, name+"-data")
			continue
		}
		require.NotEmpty(t, service.DependsOn, name)
		for other, on := range service.DependsOn {
			require.Equal(t, "service_healthy", on.Condition, "%s on %s", name, other)
		}
	}
	require.LessOrEqual(t, memory, 6<<10, "megabytes: it is to fit a laptop")
	require.Equal(t, "secret", file.Services["grafana"].Environment["GF_SECURITY_ADMIN_PASSWORD"])
	for _, volume := range []string{"prometheus-data", "grafana-data"} {
		require.Contains(t, file.Volumes, volume)
	}
}

func megabytes(t *testing.T, s string) int {
	t.Helper()
	parts := regexp.MustCompile(`^(\d+)([mg])$`).FindStringSubmatch(s)
	require.Len(t, parts, 3, "memory limit %q", s)
	n, err := strconv.Atoi(parts[1])
	require.NoError(t, err)
	if parts[2] == "g" {
		n <<= 10
	}
	return n
}

// checkContainers runs the program of Kafka that starts a container of Kafka's image, and gives it
// what a container gets. The program makes the broker's settings and formats the data folder, for
// which Kafka must accept the settings. A cluster has been started before, so Kafka is there.
func checkContainers(t *testing.T) {
	t.Helper()
	cache := os.Getenv(kafkatest.EnvCache)
	if cache == "" {
		base, err := os.UserCacheDir()
		require.NoError(t, err)
		cache = filepath.Join(base, "fencelog")
	}
	libs := filepath.Join(cache, "kafka-"+kafkatest.DefaultVersion, "libs", "*")
	shared, err := source(filepath.Join(infrastructure, "..", "..")).brokerProperties()
	require.NoError(t, err)
	require.Equal(t, "false", shared["unclean.leader.election.enable"])

	file := resolved(t)
	first := file.Services["kafka-1"].Environment
	settings := containerSettings(t, libs, first)
	for key, value := range shared {
		require.Equal(t, value, settings[key], key)
	}
	require.Equal(t, "1", settings["node.id"])
	require.Equal(t, "1@kafka-1:29093,2@kafka-2:29093,3@kafka-3:29093", settings["controller.quorum.voters"])
	require.Contains(t, settings["advertised.listeners"], "INTERNAL://kafka-1:19092,EXTERNAL://localhost:9092")
	require.Contains(t, settings["listeners"], "EXTERNAL://:9092")

	for name, port := range map[string]string{"kafka-1": ":9092", "kafka-2": ":9093", "kafka-3": ":9094"} {
		service := file.Services[name]
		require.Contains(t, strings.Join(service.Volumes, " "), "/examples/infrastructure/kafka:/mnt/shared/config:ro")
		require.Contains(t, service.Ports[0], port)
		// The brokers differ in nothing but what tells them apart.
		want := maps.Clone(first)
		want["KAFKA_NODE_ID"] = strings.TrimPrefix(name, "kafka-")
		for _, listeners := range []string{"KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"} {
			want[listeners] = strings.NewReplacer("kafka-1", name, ":9092", port).Replace(first[listeners])
		}
		require.Equal(t, want, service.Environment, name)
	}
}

// containerSettings runs the image's program in a container's environment, and returns the settings
// that it makes.
func containerSettings(t *testing.T, libs string, environment map[string]string) map[string]string {
	t.Helper()
	defaults, final := t.TempDir(), t.TempDir()
	for _, logging := range []string{"log4j2.yaml", "tools-log4j2.yaml"} {
		require.NoError(t, os.WriteFile(filepath.Join(defaults, logging), nil, 0o644))
	}
	cmd := exec.Command("java", "-cp", libs, "kafka.docker.KafkaDockerWrapper", "setup",
		"--default-configs-dir", defaults, "--final-configs-dir", final,
		"--mounted-configs-dir", filepath.Join(infrastructure, "kafka"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for key, value := range environment {
		if key == "KAFKA_LOG_DIRS" {
			value = t.TempDir()
		}
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "Formatting metadata directory")
	settings, err := propertiesIn(filepath.Join(final, "server.properties"))
	require.NoError(t, err)
	return settings
}

func TestPrometheusAcceptsItsFiles(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"check", "config", "prometheus.yml"},
		{"check", "rules", "rules.yml"},
		{"test", "rules", "rules_test.yml"},
	} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = filepath.Join(infrastructure, "prometheus")
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "promtool (Debian's package prometheus) %v: %s", args, output)
	}
}

// checkHealthChecks runs the commands of docker-compose.yml on the parts that run here.
func checkHealthChecks(t *testing.T, s *stack) {
	t.Helper()
	var file composeFile
	readYAML(t, filepath.Join(infrastructure, "docker-compose.yml"), &file)
	for service, here := range map[string]string{
		"kafka-1":      strings.TrimSuffix(s.cluster.MetricsURLs()[0], "/metrics"),
		"kafka-2":      strings.TrimSuffix(s.cluster.MetricsURLs()[1], "/metrics"),
		"lag-exporter": "http://" + address(s.lagPort),
		"prometheus":   s.prometheusURL(),
	} {
		test := file.Services[service].HealthCheck.Test
		require.Len(t, test, 2, service)
		check := func(url string) error {
			command := localhost.ReplaceAllString(test[1], url)
			require.NotEqual(t, test[1], command, service)
			return exec.Command("sh", "-c", command).Run()
		}
		require.Eventually(t, func() bool { return check(here) == nil }, patience, tick, "%s: %s", service, test[1])
		require.Error(t, check("http://127.0.0.1:1"), "%s is healthy though nothing answers: %s", service, test[1])
	}
}
