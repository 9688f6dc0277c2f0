package kafkatest

import (
	"context"
	"fmt"
	"path/filepath"
)

const (
	exporterID      = "jmx_prometheus_javaagent"
	exporterVersion = "1.0.1"
)

// agent is the exporter, a Java agent that shows a program's metrics to Prometheus, and the rules
// by which it chooses and names metrics.
type agent struct {
	jar   string
	rules string
}

// installAgent returns the exporter, downloaded if need be; nil if no metrics are asked for.
func installAgent(ctx context.Context, c *cache, cfg Config) (*agent, error) {
	if cfg.MetricsRules == "" {
		return nil, nil
	}
	rules, err := filepath.Abs(cfg.MetricsRules)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: MetricsRules: %w", err)
	}
	dir, err := c.install(ctx, "jmx-exporter-"+exporterVersion, func(ctx context.Context, dir string) error {
		return copyJars(ctx, dir, dir, artifact{group: "io.prometheus.jmx", id: exporterID, version: exporterVersion})
	})
	if err != nil {
		return nil, err
	}
	return &agent{jar: filepath.Join(dir, exporterID+"-"+exporterVersion+".jar"), rules: rules}, nil
}

// option makes Java run the agent.
func (a *agent) option(port int) string {
	return "-javaagent:" + a.jar + "=" + address(port) + ":" + a.rules
}

// MetricsURLs returns the page of each broker's metrics, in the order of the brokers; empty unless
// [Config.MetricsRules] is set.
func (c *Cluster) MetricsURLs() []string {
	var urls []string
	for _, b := range c.brokers {
		if b.agent != nil {
			urls = append(urls, "http://"+address(b.ports.metrics[b.id])+"/metrics")
		}
	}
	return urls
}
