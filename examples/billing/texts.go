package main

import (
	"cmp"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fencelog/fencelog/billing/ids"
)

// Ids in requests. The document states their rule, and package ids checks it. The domain's commands
// check the ids in bodies. checkParameters checks those in paths, queries and headers. The API
// library checks only that they are strings, because its refusal would have another code.
type (
	accountID     string // what can be looked at
	freeAccountID string // what a client may name in a command
	name          string // of a transaction, that can be looked at
	freeName      string // of an owner, a transaction or a command, that a client may give
)

// Formats of ids in the document.
const (
	accountFormat = "account-id"
	nameFormat    = "id"
)

// Schema describes the type.
func (accountID) Schema(huma.Registry) *huma.Schema {
	return idSchema(accountFormat, ids.AccountPattern)
}

// Schema describes the type.
func (name) Schema(huma.Registry) *huma.Schema { return idSchema(nameFormat, ids.NamePattern) }

// Schema describes the type.
func (freeAccountID) Schema(huma.Registry) *huma.Schema {
	return free(idSchema(accountFormat, ids.AccountPattern))
}

// Schema describes the type.
func (freeName) Schema(huma.Registry) *huma.Schema {
	return free(idSchema(nameFormat, ids.NamePattern))
}

// Amounts in requests. Package money checks them, as package ids checks ids.
type (
	amountText   string // of a posting, above 0
	limitText    string // of an account
	currencyCode string
)

// Schema describes the type.
func (amountText) Schema(huma.Registry) *huma.Schema { return ruled(`^[0-9]+(\.[0-9]+)?$`, maxDecimal) }

// Schema describes the type.
func (limitText) Schema(huma.Registry) *huma.Schema {
	return ruled(`^-?[0-9]+(\.[0-9]+)?$`, maxDecimal)
}

// Schema describes the type.
func (currencyCode) Schema(huma.Registry) *huma.Schema { return ruled(`^[A-Z]{3}$`, len("USD")) }

const maxDecimal = 40 // characters of an amount, as package money reads it

// ruled returns a schema with the rule as extensions. The library writes extensions into the
// document, and does not check them.
func ruled(pattern string, most int) *huma.Schema {
	return &huma.Schema{
		Type:       huma.TypeString,
		Extensions: map[string]any{"minLength": 1, "maxLength": most, "pattern": pattern},
	}
}

func idSchema(format, pattern string) *huma.Schema {
	s := ruled(pattern, ids.MaxLength)
	s.Format = format
	return s
}

func free(s *huma.Schema) *huma.Schema {
	s.Extensions["not"] = map[string]any{"pattern": ids.ReservedPattern}
	return s
}

// checkFree checks an id that a client gives to a transaction or a command.
func checkFree(field, id string) error {
	return cmp.Or(ids.CheckName(field, id), ids.CheckFree(field, id))
}

// checkID checks an id outside of a body. format is that of its schema. A value of any other format
// is no id.
func checkID(format, field, id string) error {
	switch format {
	case accountFormat:
		return ids.CheckAccount(field, id)
	case nameFormat:
		return ids.CheckName(field, id)
	}
	return nil
}
