package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/fencelog/fencelog/internal/process"
)

func (s *stack) prometheusURL() string { return "http://" + address(s.prometheusPort) }

// startPrometheus starts Prometheus with the containers' configuration and waits until it scrapes
// every target.
func (s *stack) startPrometheus(ctx context.Context, path string) error {
	targets, err := s.targets()
	if err != nil {
		return err
	}
	config := filepath.Join(s.dir, "prometheus")
	if err := s.source.prometheusConfig(config, targets); err != nil {
		return err
	}
	p := s.newProgram("prometheus", path, s.prometheusURL()+"/-/ready",
		"--config.file="+filepath.Join(config, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(config, "data"),
		"--web.listen-address="+address(s.prometheusPort))
	scraped := func(body []byte) error { return wantScraped(body, len(targets)) }
	up := s.prometheusURL() + "/api/v1/query?query=" + url.QueryEscape("up == 1")
	return s.run(ctx, p, func(ctx context.Context, proc *process.Child) error {
		if err := await(ctx, proc, up, scraped, s.tell); err != nil {
			return err
		}
		s.say("prometheus scrapes %d targets", len(targets))
		return nil
	})
}

// prometheusPage returns the URL of a page of Prometheus for people. Debian's package has only the
// pages of before version 2.14.
func (s *stack) prometheusPage(ctx context.Context, name string) string {
	page := s.prometheusURL() + "/" + name
	if _, err := get(ctx, page); err == nil {
		return page
	}
	return s.prometheusURL() + "/classic/" + name
}

// targets returns everything that shows metrics.
func (s *stack) targets() ([]target, error) {
	targets := []target{
		{job: "prometheus", address: address(s.prometheusPort), broker: -1},
		{job: "kafka-lag", address: address(s.lagPort), broker: -1},
	}
	if s.source.has(s.service) {
		targets = append(targets, target{job: "billing", address: address(s.billingPort), broker: -1})
	}
	for id, page := range s.cluster.MetricsURLs() {
		parsed, err := url.Parse(page)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{job: "kafka", address: parsed.Host, broker: id})
	}
	return targets, nil
}

// wantScraped expects a Prometheus answer with a number of series.
func wantScraped(body []byte, want int) error {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("answer of Prometheus: %w", err)
	}
	if found := len(answer.Data.Result); found != want {
		return fmt.Errorf("%d of %d targets could be scraped: %v", found, want, answer.Data.Result)
	}
	return nil
}
