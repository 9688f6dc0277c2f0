package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riferrei/srclient"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/expected"
)

// Defaults and bounds of [HTTP].
const (
	DefaultTimeout  = 5 * time.Second
	DefaultAttempts = 4
	DefaultBackoff  = 100 * time.Millisecond

	maxBackoff     = 5 * time.Second
	maxConnections = 16
	maxResponse    = 8 << 20 // bytes; a schema of this size is none
	maxDetail      = 1 << 10 // bytes of a server's message that are repeated
)

// HTTPConfig configures an [HTTP]. Every field may be left zero.
type HTTPConfig struct {
	// Username and Password for basic authentication. Default: those in the URL, if any.
	Username, Password string

	// Timeout of one request, from connecting to the last byte of the answer. Default:
	// [DefaultTimeout].
	Timeout time.Duration

	// Attempts is how often a request is made when the answer may be another one soon.
	// Default: [DefaultAttempts]. The request is made again
	//
	//   - if there is no answer, or one that breaks off;
	//   - if the status is 500 or more, 408, 425 or 429, also from a proxy;
	//   - if the answer is not a registry's, see below;
	//   - if a registry gives a 404 for a schema that must be there, because one of its nodes lags
	//     behind, see below.
	//
	// An answer is not a registry's in these cases:
	//
	//   - The status is not 401, and the body is text, HTML, or JSON without the form
	//     {"error_code": …}.
	//   - The status is 200, and the body is neither a schema nor a list of versions.
	//   - The code is 404, which a server gives to a path that it does not have.
	//
	// A schema must be there in these cases:
	//
	//   - A value names its id.
	//   - It is of a version that was just listed or registered.
	//   - Bind looks it up without registering it.
	//
	// Every other answer in a registry's own form is believed at once, and so is a 401.
	Attempts int

	// Backoff is the wait before the second attempt. It doubles from one to the next, up to five
	// seconds. Default: [DefaultBackoff].
	Backoff time.Duration

	// TLS is for a registry that asks for a certificate, or whose own certificate no authority of
	// the system has signed. It needs an https URL. Default: the system's authorities, no
	// certificate.
	TLS *tls.Config

	// Transport makes the requests, with its own TLS. Default: one like http.DefaultTransport,
	// which Close closes.
	Transport http.RoundTripper

	// Around wraps the Transport, such as to trace or to count requests. Default: it stays as it
	// is.
	Around func(http.RoundTripper) http.RoundTripper

	// Wait waits, or returns the error of a context that ends before. Default: by the wall clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// HTTP is a registry that speaks the REST protocol of Confluent's.
//
// It remembers the schema of an id, which never changes, and nothing else. It asks anew which
// version is the latest, and for a schema that was not found.
type HTTP struct {
	url  string // without credentials and without a slash at the end
	cfg  HTTPConfig
	own  *http.Transport // nil if the user's is used
	byID sync.Map        // int → string
}

var _ Registry = (*HTTP)(nil)

// NewHTTP returns the registry at the URL, such as "http://registry:8081". It makes no request yet.
// Close it after use. It fails, all at once, with every mistake in the URL and the configuration.
func NewHTTP(rawURL string, cfg HTTPConfig) (*HTTP, error) {
	var mistakes []error
	root, user, err := parseURL(rawURL)
	if err != nil {
		mistakes = append(mistakes, err)
	}
	if cfg.Timeout < 0 || cfg.Attempts < 0 || cfg.Backoff < 0 {
		mistakes = append(mistakes, fmt.Errorf("found Timeout %v, Attempts %d, Backoff %v; "+
			"they must not be negative, and zero is the default",
			cfg.Timeout, cfg.Attempts, cfg.Backoff))
	}
	if cfg.Username == "" && cfg.Password != "" {
		mistakes = append(mistakes, errors.New("found a Password without a Username; give both"))
	}
	if cfg.TLS != nil && cfg.Transport != nil {
		mistakes = append(mistakes, errors.New(
			"found both TLS and a Transport; give one, a Transport brings its own TLS"))
	}
	if cfg.TLS != nil && err == nil && !strings.HasPrefix(root, "https:") {
		mistakes = append(mistakes, fmt.Errorf("found TLS and the URL %s; expected one that starts with https", root))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	if cfg.Username == "" && user != nil {
		cfg.Username = user.Username()
		cfg.Password, _ = user.Password()
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.Attempts = cmp.Or(cfg.Attempts, DefaultAttempts)
	cfg.Backoff = cmp.Or(cfg.Backoff, DefaultBackoff)
	if cfg.Wait == nil {
		cfg.Wait = clock.Wait
	}
	h := &HTTP{url: root, cfg: cfg}
	if cfg.Transport == nil {
		h.own = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			MaxConnsPerHost:     maxConnections,
			MaxIdleConnsPerHost: maxConnections,
			IdleConnTimeout:     time.Minute,
			TLSHandshakeTimeout: cfg.Timeout,
			TLSClientConfig:     cfg.TLS.Clone(),
		}
		h.cfg.Transport = h.own
	}
	if cfg.Around != nil {
		h.cfg.Transport = cfg.Around(h.cfg.Transport)
	}
	return h, nil
}

// parseURL splits the credentials off a registry's URL. Its errors do not repeat the URL, which may
// hold a password.
func parseURL(rawURL string) (root string, user *url.Userinfo, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", nil, errors.New("the URL cannot be parsed (it is not repeated here, as it may hold a password); " +
			"expected one such as http://registry:8081, and special characters in a password escaped")
	}
	user, u.User = u.User, nil
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", nil, fmt.Errorf("found the URL %q; expected http or https, a host, perhaps a path, "+
			"and nothing else, such as http://registry:8081",
			u.Redacted())
	}
	return strings.TrimRight(u.String(), "/"), user, nil
}

// URL returns the URL of the registry, without credentials.
func (h *HTTP) URL() string { return h.url }

// Close closes idle connections. The registry must not be used afterwards.
func (h *HTTP) Close() error {
	if h.own != nil {
		h.own.CloseIdleConnections()
	}
	return nil
}

// Schema implements [Registry].
func (h *HTTP) Schema(ctx context.Context, id int) (string, error) {
	if text, ok := h.byID.Load(id); ok {
		return text.(string), nil
	}
	e := Error{Op: opSchema, URL: h.url, ID: id}
	if id < 1 || id > math.MaxInt32 {
		e.Detail = "ids are from 1 to 2147483647"
		return "", e.because(schema.ErrNotFound, nil)
	}
	get := func(c *srclient.SchemaRegistryClient) (*srclient.Schema, error) { return c.GetSchema(id) }
	s, err := ask(expected.Mark(ctx), h, e, get, checkReadable)
	if err != nil {
		return "", err
	}
	h.byID.Store(id, s.Schema())
	return s.Schema(), nil
}

// Find implements [Registry].
func (h *HTTP) Find(ctx context.Context, subject, text string) (schema.Registered, error) {
	e := Error{Op: opFind, URL: h.url, Subject: subject}
	// Find checks it here, because registries answer differently to a text that is no schema: 422,
	// 404, 500.
	if err := avsc.Check(text); err != nil {
		return schema.Registered{}, e.because(schema.ErrInvalidSchema, err)
	}
	s, err := ask(ctx, h, e, func(c *srclient.SchemaRegistryClient) (*srclient.Schema, error) {
		return c.LookupSchema(subject, text, srclient.Avro)
	}, checkVersion)
	if err != nil {
		return schema.Registered{}, err
	}
	// A registry may know schemas by another form, such as with the fields in order of their names.
	if err := change.SameValues(text, s.Schema()); err != nil {
		e.ID = s.ID()
		e.Detail = fmt.Sprintf("it answered with version %d, which is another schema than the one asked for",
			s.Version())
		return schema.Registered{}, e.because(ErrRefused, err)
	}
	return registered(subject, s), nil
}

// Register implements [Registry].
func (h *HTTP) Register(ctx context.Context, subject, text string) (schema.Registered, error) {
	// Find is first, because then a user who may not write can start what is registered already.
	if r, err := h.Find(ctx, subject, text); !errors.Is(err, schema.ErrNotFound) {
		return r, err
	}
	e := Error{Op: opRegister, URL: h.url, Subject: subject}
	ctx = expected.Mark(ctx) // srclient asks for the schema of the id that it was given
	_, err := ask(ctx, h, e, func(c *srclient.SchemaRegistryClient) (*srclient.Schema, error) {
		return c.CreateSchema(subject, text, srclient.Avro)
	}, checkSchema)
	if err != nil {
		return schema.Registered{}, err
	}
	// The answer to a registration has no version (srclient says 0). So Register looks it up.
	return h.Find(ctx, subject, text)
}

// Latest implements [Registry].
func (h *HTTP) Latest(ctx context.Context, subject string) (schema.Registered, error) {
	e := Error{Op: opLatest, URL: h.url, Subject: subject}
	get := func(c *srclient.SchemaRegistryClient) (*srclient.Schema, error) { return c.GetLatestSchema(subject) }
	s, err := ask(ctx, h, e, get, checkVersion)
	return registered(subject, s), err
}

// Versions implements [Registry]. It makes a request for each version.
func (h *HTTP) Versions(ctx context.Context, subject string) ([]schema.Registered, error) {
	e := Error{Op: opVersions, URL: h.url, Subject: subject}
	list := func(c *srclient.SchemaRegistryClient) ([]int, error) { return c.GetSchemaVersions(subject) }
	numbers, err := ask(ctx, h, e, list,
		func(numbers []int) error {
			if len(numbers) == 0 {
				return errForeign
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	slices.Sort(numbers)
	versions := make([]schema.Registered, len(numbers))
	for i, number := range numbers {
		s, err := ask(expected.Mark(ctx), h, e, func(c *srclient.SchemaRegistryClient) (*srclient.Schema, error) {
			return c.GetSchemaByVersion(subject, number)
		}, checkVersion)
		if err != nil {
			return nil, err
		}
		versions[i] = registered(subject, s)
	}
	return versions, nil
}

// Subjects implements [Registry].
func (h *HTTP) Subjects(ctx context.Context) ([]string, error) {
	subjects, err := ask(ctx, h, Error{Op: opSubjects, URL: h.url},
		func(c *srclient.SchemaRegistryClient) ([]string, error) { return c.GetSubjects() },
		func([]string) error { return nil })
	slices.Sort(subjects)
	return subjects, err
}

// SetCompatibility implements [Registry].
func (h *HTTP) SetCompatibility(ctx context.Context, subject string, level change.Compatibility) error {
	e := Error{Op: opSetLevel, URL: h.url, Subject: subject}
	if _, err := change.ParseCompatibility(string(level)); err != nil {
		return e.because(ErrRefused, err)
	}
	_, err := ask(ctx, h, e, func(c *srclient.SchemaRegistryClient) (*srclient.CompatibilityLevel, error) {
		return c.ChangeSubjectCompatibilityLevel(subject, srclient.CompatibilityLevel(level))
	}, func(set *srclient.CompatibilityLevel) error {
		if set == nil || change.Compatibility(*set) != level {
			return errForeign
		}
		return nil
	})
	return err
}

func registered(subject string, s *srclient.Schema) schema.Registered {
	if s == nil {
		return schema.Registered{}
	}
	return schema.Registered{Subject: subject, ID: s.ID(), Version: s.Version(), Text: s.Schema()}
}
