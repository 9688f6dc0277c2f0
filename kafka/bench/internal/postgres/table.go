package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/fencelog/fencelog/eventstore"
)

const uniqueViolation = "23505" // SQLSTATE

// Table is a table of events and a bounded number of connections to it.
type Table struct {
	*pool
	name string
}

const columns = "stream, version, id, type, revision, occurred, correlation, causation, command, actor, payload"

// NewTable makes the table and opens connections to it. If rows is not nil, NewTable fills the
// table with it, in the order of streams and versions, and then builds the key. That is the fastest
// way. No row counts as stored before NewTable returns.
func NewTable(ctx context.Context, s *Server, name string, connections int, rows pgx.CopyFromSource) (*Table, error) {
	p, err := s.open(ctx, connections)
	if err != nil {
		return nil, err
	}
	t := &Table{pool: p, name: name}
	if err := t.create(ctx, rows); err != nil {
		return nil, errors.Join(fmt.Errorf("table %s: %w", name, err), t.Close(ctx))
	}
	return t, nil
}

func (t *Table) create(ctx context.Context, rows pgx.CopyFromSource) error {
	err := pgx.BeginFunc(ctx, t.all[0], func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE "+t.name+` (
			stream text NOT NULL, version bigint NOT NULL, id text NOT NULL, type text NOT NULL, revision int NOT NULL,
			occurred timestamptz NOT NULL, correlation text, causation text, command text, actor text,
			payload bytea NOT NULL)`)
		if err != nil || rows == nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{t.name}, []string{
			"stream", "version", "id", "type", "revision", "occurred", "correlation", "causation", "command", "actor",
			"payload",
		}, rows)
		return err
	})
	if err == nil {
		_, err = t.all[0].Exec(ctx, "ALTER TABLE "+t.name+" ADD PRIMARY KEY (stream, version)")
	}
	if err == nil {
		_, err = t.all[0].Exec(ctx, "VACUUM ANALYZE "+t.name)
	}
	return err
}

// Row returns an event as the values of a row, which a source for [NewTable] yields.
func Row(r *eventstore.Record) []any {
	return []any{
		r.AggregateID, r.AggregateVersion, r.ID, r.Type, r.Revision, r.Timestamp,
		r.CorrelationID, r.CausationID, r.CommandID, r.ActorID, r.Value,
	}
}

// Append stores an event as its stream's next version. It fails with eventstore.ErrConflict if the
// stream has one of that version.
func (t *Table) Append(ctx context.Context, stream string, version int64, r *eventstore.Record) error {
	return t.use(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "INSERT INTO "+t.name+" ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "+
			"$10, $11)",
			stream, version, r.ID, r.Type, r.Revision, r.Timestamp, r.CorrelationID, r.CausationID, r.CommandID,
			r.ActorID, r.Value)
		var code *pgconn.PgError
		if errors.As(err, &code) && code.Code == uniqueViolation {
			return eventstore.ErrConflict
		}
		return err
	})
}

// AppendEach stores events, each as its stream's next version, with one statement. It returns the
// streams whose event it stored: the others have an event of that version already.
func (t *Table) AppendEach(ctx context.Context, records []eventstore.Record) (stored []string, err error) {
	var (
		streams, ids, types, correlations, causations, commands, actors []string
		versions, revisions                                             []int64
		occurred                                                        []time.Time
		payloads                                                        [][]byte
	)
	for i := range records {
		r := &records[i]
		streams, versions = append(streams, r.AggregateID), append(versions, r.AggregateVersion)
		ids, types, revisions = append(ids, r.ID), append(types, r.Type), append(revisions, int64(r.Revision))
		occurred, payloads = append(occurred, r.Timestamp), append(payloads, r.Value)
		correlations, causations = append(correlations, r.CorrelationID), append(causations, r.CausationID)
		commands, actors = append(commands, r.CommandID), append(actors, r.ActorID)
	}
	err = t.use(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, "INSERT INTO "+t.name+" ("+columns+") SELECT * FROM unnest("+
			"$1::text[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], "+
			"$7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[]) ON CONFLICT DO NOTHING RETURNING stream",
			streams, versions, ids, types, revisions, occurred, correlations, causations, commands, actors, payloads)
		if err != nil {
			return err
		}
		stored, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return stored, err
}

// Load calls each with the events of the stream from a version on, in version order.
func (t *Table) Load(ctx context.Context, stream string, from int64, each func(*eventstore.Record)) error {
	return t.use(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, "SELECT "+columns+" FROM "+t.name+" WHERE stream = $1 AND "+
			"version >= $2 ORDER BY version", stream, from)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r eventstore.Record
			var occurred time.Time
			if err := rows.Scan(&r.AggregateID, &r.AggregateVersion, &r.ID, &r.Type, &r.Revision, &occurred,
				&r.CorrelationID, &r.CausationID, &r.CommandID, &r.ActorID, &r.Value); err != nil {
				return err
			}
			r.Timestamp = occurred.UTC()
			each(&r)
		}
		return rows.Err()
	})
}

// Count returns the number of events.
func (t *Table) Count(ctx context.Context) (n int64, err error) {
	err = t.use(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT count(*) FROM "+t.name).Scan(&n)
	})
	return n, err
}
