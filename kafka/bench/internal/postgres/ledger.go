package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrInsufficientFunds means that the payer's balance is less than the amount. Nothing was posted.
var ErrInsufficientFunds = errors.New("insufficient funds")

// insufficientFunds is the SQLSTATE of a refused transfer.
const insufficientFunds = "LF001"

// Ledger keeps accounts, and the transfers between two of them with their entries. It has a bounded
// number of connections.
type Ledger struct {
	*pool
	name    string
	post    string // the call of the procedure
	opening int64
	opened  int
}

// Transfer moves money from one account to another account of the same ledger.
type Transfer struct {
	Ledger            string
	Command           string // id, unique in the ledger
	Digest            string // of the command's content
	Payer, Payee      string // accounts
	Amount            int64
	Occurred          time.Time
	Debited, Credited []byte // what the entries hold besides
}

// NewLedger makes the tables and opens connections to them. It opens all accounts with the same
// balance.
func NewLedger(
	ctx context.Context, s *Server, name string, connections int, accounts []string, opening int64,
) (*Ledger, error) {
	p, err := s.open(ctx, connections)
	if err != nil {
		return nil, err
	}
	l := &Ledger{pool: p, name: name, opening: opening, opened: len(accounts)}
	l.post = l.named("SELECT NAME_post($1, $2, $3, $4, $5, $6, $7, $8, $9)")
	if err := l.create(ctx, accounts); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", name, err), l.Close(ctx))
	}
	return l, nil
}

// schema has the tables and the procedure. The statements that change the two accounts also lock
// them, in the order of their ids. Half of each page of the accounts is free, so that a changed row
// stays in its page.
const schema = `
CREATE TABLE NAME_accounts (
	id text PRIMARY KEY, balance bigint NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE NAME_transfers (
	ledger text, command text, digest text NOT NULL, payer text NOT NULL, payee text NOT NULL,
	amount bigint NOT NULL, occurred timestamptz NOT NULL, PRIMARY KEY (ledger, command)
);
CREATE TABLE NAME_entries (
	account text, version bigint, command text NOT NULL, amount bigint NOT NULL, balance bigint NOT NULL,
	occurred timestamptz NOT NULL, payload bytea NOT NULL, PRIMARY KEY (account, version)
);
CREATE FUNCTION NAME_post(
	new_ledger text, new_command text, new_digest text, new_payer text, new_payee text, new_amount bigint,
	new_occurred timestamptz, debited bytea, credited bytea
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	first_digest text;
	payer_balance bigint;
	payer_version bigint;
	payee_balance bigint;
	payee_version bigint;
BEGIN
	INSERT INTO NAME_transfers
		VALUES (new_ledger, new_command, new_digest, new_payer, new_payee, new_amount, new_occurred)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		SELECT digest INTO first_digest FROM NAME_transfers WHERE ledger = new_ledger AND command = new_command;
		IF first_digest <> new_digest THEN
			RAISE EXCEPTION 'command % was another one before', new_command;
		END IF;
		RETURN false;
	END IF;
	IF new_payer < new_payee THEN
		UPDATE NAME_accounts SET balance = balance - new_amount, version = version + 1 WHERE id = new_payer
			RETURNING balance, version INTO STRICT payer_balance, payer_version;
	END IF;
	UPDATE NAME_accounts SET balance = balance + new_amount, version = version + 1 WHERE id = new_payee
		RETURNING balance, version INTO STRICT payee_balance, payee_version;
	IF new_payer >= new_payee THEN
		UPDATE NAME_accounts SET balance = balance - new_amount, version = version + 1 WHERE id = new_payer
			RETURNING balance, version INTO STRICT payer_balance, payer_version;
	END IF;
	IF payer_balance < 0 THEN
		RAISE EXCEPTION 'insufficient funds' USING ERRCODE = '` + insufficientFunds + `';
	END IF;
	INSERT INTO NAME_entries VALUES
		(new_payer, payer_version, new_command, -new_amount, payer_balance, new_occurred, debited),
		(new_payee, payee_version, new_command, new_amount, payee_balance, new_occurred, credited);
	RETURN true;
END $$;`

func (l *Ledger) named(sql string) string { return strings.ReplaceAll(sql, "NAME", l.name) }

func (l *Ledger) create(ctx context.Context, accounts []string) error {
	c := l.all[0]
	if _, err := c.Exec(ctx, l.named(schema)); err != nil {
		return err
	}
	rows := pgx.CopyFromSlice(len(accounts), func(i int) ([]any, error) {
		return []any{accounts[i], l.opening, int64(1)}, nil
	})
	_, err := c.CopyFrom(ctx, pgx.Identifier{l.name + "_accounts"}, []string{"id", "balance", "version"}, rows)
	if err == nil {
		_, err = c.Exec(ctx, l.named("VACUUM ANALYZE NAME_accounts"))
	}
	return err
}

// Post posts the transfer with one call, and reports true. If the ledger has a transfer with the
// command and the digest, Post changes nothing and reports false. Post changes nothing and fails
//   - with [ErrInsufficientFunds] if the payer has too little;
//   - if the ledger has a transfer with the command and another digest;
//   - if the payer or the payee has no account.
//
// After another error, such as the end of ctx, the transfer may be posted or not.
func (l *Ledger) Post(ctx context.Context, t *Transfer) (posted bool, err error) {
	err = l.use(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, l.post, t.Ledger, t.Command, t.Digest, t.Payer, t.Payee, t.Amount, t.Occurred,
			t.Debited, t.Credited).Scan(&posted)
	})
	var code *pgconn.PgError
	if errors.As(err, &code) && code.Code == insufficientFunds {
		return false, ErrInsufficientFunds
	}
	return posted, err
}

// audit counts the transfers and the entries. Then it counts the entries that do not have the
// balance after them, and the accounts whose balance is not that of their last entry. Then come the
// sum of the balances and the least of them.
const audit = `SELECT
	(SELECT count(*) FROM NAME_transfers),
	(SELECT count(*) FROM NAME_entries),
	(SELECT count(*) FROM (
		SELECT balance, $1 + sum(amount) OVER (PARTITION BY account ORDER BY version) AS found FROM NAME_entries
	) AS e WHERE balance <> found),
	(SELECT count(*) FROM NAME_accounts AS a JOIN (
		SELECT DISTINCT ON (account) account, version, balance FROM NAME_entries ORDER BY account, version DESC
	) AS e ON e.account = a.id WHERE (a.version, a.balance) <> (e.version, e.balance)),
	(SELECT sum(balance)::bigint FROM NAME_accounts),
	(SELECT min(balance) FROM NAME_accounts)`

// Audit returns the number of transfers. It fails unless
//   - the balances sum to what the accounts were opened with, and none is negative;
//   - the entries of each account add up to its balance, after each of them;
//   - each transfer has two entries.
func (l *Ledger) Audit(ctx context.Context) (transfers int64, err error) {
	var entries, wrong, behind, sum, least int64
	err = l.use(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, l.named(audit), l.opening).Scan(&transfers, &entries, &wrong, &behind, &sum, &least)
	})
	switch want := int64(l.opened) * l.opening; {
	case err != nil:
		return 0, err
	case sum != want:
		err = fmt.Errorf("the balances sum to %d, expected %d", sum, want)
	case least < 0:
		err = fmt.Errorf("a balance is %d", least)
	case wrong > 0 || behind > 0:
		err = fmt.Errorf("%d entries and %d accounts do not have the balance that the entries add up to", wrong, behind)
	case entries != 2*transfers:
		err = fmt.Errorf("%d transfers have %d entries", transfers, entries)
	}
	return transfers, err
}
