package ids

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/billing/refusal"
)

// MaxLength is the greatest number of characters of an id, with the slash that it may have.
const MaxLength = 128

// The rules as regular expressions, which Go and ECMAScript read alike. They leave out the length.
const (
	// NamePattern matches a valid id of anything but an account.
	NamePattern = `^` + name + `$`

	// AccountPattern matches a valid id of an account.
	AccountPattern = `^` + name + `(/` + name + `)?$`

	// ReservedPattern matches the ids that are the system's.
	ReservedPattern = `(^|/)transit:`
)

const name = `\.*[A-Za-z0-9_:@-][A-Za-z0-9._:@-]*`

// The rules in words.
const (
	// NameRule is the rule of all ids but an account's.
	NameRule = "1 to 128 of letters, digits and . _ - : @, not dots alone"

	// AccountRule is the rule of an account's id.
	AccountRule = NameRule + ", with at most one / between two of them"

	freeRule = "no name that begins with transit:, which are the system's"
)

// ErrInvalid is the code of the refusal of an id. An *[Error] matches it.
const ErrInvalid refusal.Code = "InvalidId"

// Error says that an id breaks a rule. It matches [ErrInvalid].
type Error struct {
	Field string // such as "transactionId"
	Found string
	Want  string
}

// Error says what was found and what was expected.
func (e *Error) Error() string {
	found := "is " + strconv.QuoteToASCII(e.Found)
	switch {
	case e.Found == "":
		found = "is empty"
	case len(e.Found) > MaxLength:
		found = fmt.Sprintf("has %d bytes", len(e.Found))
	}
	return fmt.Sprintf("%s %s, expected %s", e.Field, found, e.Want)
}

// Unwrap returns [ErrInvalid].
func (e *Error) Unwrap() error { return ErrInvalid }

var (
	names    = regexp.MustCompile(NamePattern)
	accounts = regexp.MustCompile(AccountPattern)
)

// CheckName returns nil if id can be the id of anything but an account: of an owner, a transaction,
// a command. Otherwise it returns an *[Error] with the field.
func CheckName(field, id string) error { return check(field, id, names, NameRule) }

// CheckAccount returns nil if id can be the id of an account, and otherwise an *[Error] with the
// field.
func CheckAccount(field, id string) error { return check(field, id, accounts, AccountRule) }

func check(field, id string, pattern *regexp.Regexp, rule string) error {
	if len(id) > MaxLength || !pattern.MatchString(id) {
		return &Error{Field: field, Found: id, Want: rule}
	}
	return nil
}

// CheckFree returns nil if everybody may give the id to something, and an *[Error] with the field
// if the id is the system's.
func CheckFree(field, id string) error {
	for part := range strings.SplitSeq(id, "/") {
		if strings.HasPrefix(part, "transit:") {
			return &Error{Field: field, Found: id, Want: freeRule}
		}
	}
	return nil
}
