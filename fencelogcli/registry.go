package fencelogcli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"

	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// registry returns the registry in the folder, or else the one that flag or environment name, and
// what closes it.
func (t *tool) registry() (registry.Registry, func() error, error) {
	if t.flags.folder != "" {
		f, err := registry.OpenFolder(t.flags.folder)
		return f, func() error { return nil }, err
	}
	h, err := registry.HTTPFromEnv(t.env, registry.HTTPConfig{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w; or name a folder with --registry-dir", err)
	}
	return h, h.Close, nil
}

// away reports whether a registry gave no answer, so that nothing is known of what was asked.
func away(err error) bool {
	return errors.Is(err, schema.ErrUnavailable) || errors.Is(err, schema.ErrUnauthorized)
}

// place names the registry without what may be a password.
func (t *tool) place() string {
	if t.flags.folder != "" {
		return t.flags.folder
	}
	if u, err := url.Parse(t.env(registry.EnvURL)); err == nil && u.Host != "" {
		return u.Host
	}
	return "that " + registry.EnvURL + " names"
}

// codec returns what names the subjects.
func (t *tool) codec() schema.Config {
	cfg := t.Codec
	cfg.Prefix = cmp.Or(t.env(environment.TopicPrefix), t.TopicPrefix)
	return cfg
}
