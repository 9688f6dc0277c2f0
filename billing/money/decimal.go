package money

import (
	"strconv"
	"strings"
)

const (
	ten         = 10
	maxDecimal  = 40 // characters of a decimal string; an amount needs 17 and a point
	maxExponent = 18 // digits after the point; more than any amount has
)

// Decimal is an amount as people and other programs write it, such as "12.50" or "-3". It has
// digits, perhaps with a minus before them, perhaps with a point and digits after them, and nothing
// else. [Decimal.Minor] says how many minor units it is, which depends on the digits that the
// caller counts.
//
// Commands carry Decimals. Every function that reads one checks its text.
type Decimal string

// Check returns nil, or a *[SyntaxError] if the text is no decimal of at most 40 characters.
func (d Decimal) Check() error {
	_, err := d.parts()
	return err
}

// Sign returns -1 if the decimal is below 0, 0 if it is 0, and 1 if it is above. It fails with a
// *[SyntaxError] if the text is no decimal.
func (d Decimal) Sign() (int, error) {
	p, err := d.parts()
	switch {
	case err != nil:
		return 0, err
	case strings.Trim(p.whole+p.fraction, "0") == "":
		return 0, nil
	case p.negative:
		return -1, nil
	}
	return 1, nil
}

// Minor returns the decimal in minor units, of which the given number of digits are after the
// point: 1250 for "12.50" at 2. An exponent below 0 or above 18 counts as 0 or 18.
//
// Minor fails with
//   - a *[SyntaxError] if the text is no decimal;
//   - a *[PrecisionError] if there are more digits after the point than that, even if they are
//     zeros;
//   - an *[OverflowError] beyond ±[MaxMinor].
func (d Decimal) Minor(exponent int) (int64, error) {
	exponent = bounded(exponent)
	p, err := d.parts()
	if err != nil {
		return 0, err
	}
	if len(p.fraction) > exponent {
		return 0, &PrecisionError{Text: string(d), Exponent: exponent}
	}
	minor, err := strconv.ParseInt(p.whole+p.fraction+strings.Repeat("0", exponent-len(p.fraction)), ten, 64)
	if err != nil || !fits(minor) { // only its range can be wrong by now
		return 0, &OverflowError{Operation: string(d)}
	}
	if p.negative {
		minor = -minor
	}
	return minor, nil
}

// MarshalText returns the shortest text of the same number: "12.5" for "12.50", "0" for "-0.00". So
// two commands that differ only in such zeros are one. It never fails: it returns a text that is no
// decimal as it is.
func (d Decimal) MarshalText() ([]byte, error) {
	p, ok := d.split()
	if !ok {
		return []byte(d), nil
	}
	text := strings.TrimLeft(p.whole, "0")
	if text == "" {
		text = "0"
	}
	if fraction := strings.TrimRight(p.fraction, "0"); fraction != "" {
		text += "." + fraction
	}
	if p.negative && text != "0" {
		text = "-" + text
	}
	return []byte(text), nil
}

// parts are the parts of a written decimal. The part whole has at least one digit.
type parts struct {
	negative        bool
	whole, fraction string
}

func (d Decimal) parts() (parts, error) {
	p, ok := d.split()
	if !ok {
		return parts{}, &SyntaxError{Text: string(d)}
	}
	return p, nil
}

// split returns the parts, and whether the text is a decimal.
func (d Decimal) split() (p parts, ok bool) {
	unsigned, negative := strings.CutPrefix(string(d), "-")
	whole, fraction, point := strings.Cut(unsigned, ".")
	return parts{negative, whole, fraction}, len(d) <= maxDecimal && digits(whole) && (!point || digits(fraction))
}

// Format writes minor units with the given number of digits after the point, such as "-0.05" for -5
// with 2. It is the inverse of [Decimal.Minor]. An exponent below 0 or above 18 counts as 0 or 18.
func Format(minor int64, exponent int) string {
	exponent = bounded(exponent)
	sign, magnitude := "", uint64(minor)
	if minor < 0 {
		sign, magnitude = "-", -magnitude
	}
	text := strconv.FormatUint(magnitude, ten)
	if missing := exponent + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if exponent == 0 {
		return sign + text
	}
	point := len(text) - exponent
	return sign + text[:point] + "." + text[point:]
}

func bounded(exponent int) int { return min(max(exponent, 0), maxExponent) }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
