package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// RefusedError says why a posting was refused.
type RefusedError string

// The refusals of [Accounts.Post].
const (
	ErrUnknown      RefusedError = "unknown account"
	ErrReused       RefusedError = "the account has another posting of the command"
	ErrInactive     RefusedError = "the account is not active"
	ErrMismatch     RefusedError = "the account counts another currency, or other digits"
	ErrInsufficient RefusedError = "the balance would be below the least one"
	ErrTooMuch      RefusedError = "the balance would be above the greatest one"
)

// Error returns the reason.
func (r RefusedError) Error() string { return string(r) }

// Active is the status of accounts that take postings.
const Active = "ACTIVE"

// Terms are what the accounts of one [Accounts] have in common.
type Terms struct {
	Status     string // [Active], or any other
	Currency   string
	Exponent   int
	MinBalance int64
	MaxBalance int64
}

// Accounts keeps accounts and their entries, and posts single amounts. It has a bounded number of
// connections.
type Accounts struct {
	*pool
	name string
	post string // the call of the function
}

// Posting is an amount for one account, and what is stored with it.
type Posting struct {
	Account  string
	Command  string // id, unique in the account
	Digest   string // of the command's content
	Currency string
	Exponent int
	Amount   int64 // below 0 for a debit

	Event, Type string // id and type of the event
	Revision    int
	Occurred    time.Time
	Correlation string
	Causation   string
	Actor       string
	Payload     []byte
}

// Posted is what a posting did.
type Posted struct {
	Version  int64 // of the account behind it
	Balance  int64 // behind it
	Repeated bool  // it was posted before
}

// NewAccounts makes the tables and opens connections to them. It opens n accounts of the same
// terms, at version 1 and at a balance of 0.
func NewAccounts(
	ctx context.Context, s *Server, name string, connections, n int, id func(i int) string, terms Terms,
) (*Accounts, error) {
	p, err := s.open(ctx, connections)
	if err != nil {
		return nil, err
	}
	a := &Accounts{pool: p, name: name}
	a.post = a.named("SELECT * FROM NAME_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
	if err := a.create(ctx, n, id, terms); err != nil {
		return nil, errors.Join(fmt.Errorf("accounts %s: %w", name, err), a.Close(ctx))
	}
	return a, nil
}

// accountSchema has the tables and the function. If the account takes the posting, the function
// changes two rows, and asks for nothing before. A refusal changes no row, so it waits for no disk.
// A repeated command is found by the key of the entries. Half of each page of the accounts is free,
// so that a changed row stays in its page.
const accountSchema = `
CREATE TABLE NAME_accounts (
	id text PRIMARY KEY, status text NOT NULL, currency text NOT NULL, exponent int NOT NULL,
	posted bigint NOT NULL, min_balance bigint NOT NULL, max_balance bigint NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE NAME_entries (
	account text, command text, digest text NOT NULL, version bigint NOT NULL,
	amount bigint NOT NULL, balance bigint NOT NULL,
	event text NOT NULL, type text NOT NULL, revision int NOT NULL, occurred timestamptz NOT NULL,
	correlation text, causation text, actor text, payload bytea NOT NULL,
	PRIMARY KEY (account, command)
);
CREATE FUNCTION NAME_post(
	of_account text, new_command text, new_digest text, new_currency text, new_exponent int, new_amount bigint,
	new_event text, new_type text, new_revision int, new_occurred timestamptz,
	new_correlation text, new_causation text, new_actor text, new_payload bytea,
	OUT refusal text, OUT at_version bigint, OUT at_balance bigint, OUT repeated boolean
) LANGUAGE plpgsql AS $$
DECLARE
	first_digest text;
	a NAME_accounts%ROWTYPE;
BEGIN
	repeated := false;
	UPDATE NAME_accounts SET posted = posted + new_amount, version = version + 1
		WHERE id = of_account AND status = '` + Active + `' AND currency = new_currency AND exponent = new_exponent
			AND (new_amount > 0 OR posted + new_amount >= min_balance)
			AND (new_amount < 0 OR posted + new_amount <= max_balance)
		RETURNING version, posted INTO at_version, at_balance;
	IF FOUND THEN
		INSERT INTO NAME_entries VALUES (of_account, new_command, new_digest, at_version, new_amount, at_balance,
				new_event, new_type, new_revision, new_occurred, new_correlation, new_causation, new_actor, new_payload)
			ON CONFLICT DO NOTHING;
		IF FOUND THEN
			RETURN;
		END IF;
		UPDATE NAME_accounts SET posted = posted - new_amount, version = version - 1 WHERE id = of_account;
	END IF;
	SELECT digest, version, balance INTO first_digest, at_version, at_balance FROM NAME_entries
		WHERE account = of_account AND command = new_command;
	IF FOUND THEN
		repeated := true;
		IF first_digest <> new_digest THEN
			refusal := '` + string(ErrReused) + `';
		END IF;
		RETURN;
	END IF;
	SELECT * INTO a FROM NAME_accounts WHERE id = of_account;
	IF NOT FOUND THEN
		refusal := '` + string(ErrUnknown) + `';
	ELSIF a.currency <> new_currency OR a.exponent <> new_exponent THEN
		refusal := '` + string(ErrMismatch) + `';
	ELSIF a.status <> '` + Active + `' THEN
		refusal := '` + string(ErrInactive) + `';
	ELSIF new_amount < 0 THEN
		refusal := '` + string(ErrInsufficient) + `';
	ELSE
		refusal := '` + string(ErrTooMuch) + `';
	END IF;
END $$;`

func (a *Accounts) named(sql string) string { return strings.ReplaceAll(sql, "NAME", a.name) }

func (a *Accounts) create(ctx context.Context, n int, id func(i int) string, terms Terms) error {
	c := a.all[0]
	if _, err := c.Exec(ctx, a.named(accountSchema)); err != nil {
		return err
	}
	rows := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		return []any{
			id(i), terms.Status, terms.Currency, terms.Exponent, int64(0), terms.MinBalance, terms.MaxBalance, int64(1),
		}, nil
	})
	_, err := c.CopyFrom(ctx, pgx.Identifier{a.name + "_accounts"},
		[]string{"id", "status", "currency", "exponent", "posted", "min_balance", "max_balance", "version"}, rows)
	if err == nil {
		_, err = c.Exec(ctx, a.named("VACUUM ANALYZE NAME_accounts"))
	}
	return err
}

// Post posts the amount with one call. If the account has a posting of the command and the digest,
// Post changes nothing and returns what that one did. If Post fails with a [RefusedError], nothing
// was changed. After another error, such as the end of ctx, the amount may be posted or not.
func (a *Accounts) Post(ctx context.Context, p *Posting) (posted Posted, err error) {
	var refusal *string
	var version, balance *int64
	err = a.use(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, a.post, p.Account, p.Command, p.Digest, p.Currency, p.Exponent, p.Amount,
			p.Event, p.Type, p.Revision, p.Occurred, p.Correlation, p.Causation, p.Actor, p.Payload,
		).Scan(&refusal, &version, &balance, &posted.Repeated)
	})
	switch {
	case err != nil:
		return Posted{}, err
	case refusal != nil:
		return Posted{}, RefusedError(*refusal)
	case version == nil || balance == nil:
		return Posted{}, errors.New("a posting without a refusal has no version and balance")
	}
	posted.Version, posted.Balance = *version, *balance
	return posted, nil
}

// auditAccounts counts the entries, and sums their amounts and the balances of the accounts. Then
// it counts the entries that do not have the balance and the version after them. Then it counts the
// accounts that do not stand where their last entry does.
const auditAccounts = `SELECT
	(SELECT count(*) FROM NAME_entries),
	(SELECT coalesce(sum(amount), 0)::bigint FROM NAME_entries),
	(SELECT coalesce(sum(posted), 0)::bigint FROM NAME_accounts),
	(SELECT count(*) FROM (
		SELECT balance, version, sum(amount) OVER w AS found, 1 + count(*) OVER w AS place FROM NAME_entries
			WINDOW w AS (PARTITION BY account ORDER BY version)
	) AS e WHERE (balance, version) <> (found, place)),
	(SELECT count(*) FROM NAME_accounts AS a JOIN (
		SELECT DISTINCT ON (account) account, version, balance FROM NAME_entries ORDER BY account, version DESC
	) AS e ON e.account = a.id WHERE (a.version, a.posted) <> (e.version, e.balance))`

// Audit returns the number of entries and the sum of the balances. It fails unless the entries of
// each account add up to its balance, after each of them.
func (a *Accounts) Audit(ctx context.Context) (entries, sum int64, err error) {
	var amounts, wrong, behind int64
	err = a.use(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, a.named(auditAccounts)).Scan(&entries, &amounts, &sum, &wrong, &behind)
	})
	switch {
	case err != nil:
		return 0, 0, err
	case amounts != sum:
		err = fmt.Errorf("the balances sum to %d, and the entries to %d", sum, amounts)
	case wrong > 0 || behind > 0:
		err = fmt.Errorf("%d entries and %d accounts do not have the balance that the entries add up to", wrong, behind)
	}
	return entries, sum, err
}
