package connection

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is shown instead of a secret.
const redacted = "[redacted]"

// Secret is text that nobody may see. It says [redacted] if it is printed, logged or marshalled,
// and an empty one says nothing. Compare it with the zero Secret only.
type Secret struct{ text *string } // a pointer, so that printing an unexported field of this type shows nothing, too

// NewSecret returns the text as a secret. NewSecret("") is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns [redacted].
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return redacted
}

// Format implements [fmt.Formatter]: every verb prints [redacted].
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements [encoding.TextMarshaler], and so JSON, with [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements [slog.LogValuer] with [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
