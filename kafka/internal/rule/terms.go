package rule

import (
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Marker is a marker as it was read.
type Marker struct {
	Offset int64
	Term   index.Term
	Aborts bool
	Began  bool // whether it began its term; false if that had begun before, or has ended
}

// noMarker stands for the time before any marker was read. It has NoTerm, because a new cluster
// gives out the term of zeros.
func noMarker() Marker { return Marker{Offset: -1, Term: index.NoTerm()} }

// markers are the last ones of a term, by how they end its transactions. Somebody may wait for one
// of them, and other markers may stand behind it. Such a marker may be a copy of an earlier one, or
// one of a term that has ended.
type markers struct{ commit, abort Marker }

func (l *markers) add(m Marker) {
	if m.Aborts {
		l.abort = m
	} else {
		l.commit = m
	}
}

// readControl is the reader rule for one control batch.
//
// Invariant 8: a marker begins its term if its epoch is greater than every epoch of its producer id
// that had a marker before. Any other marker changes nothing. So a term that another term's marker
// has ended never counts again. Markers that change nothing come from three
// sources:
//   - an owner that has not noticed that it was overtaken;
//   - a coordinator that sends a marker twice;
//   - foreign producers whose transactions share an epoch.
func (f *Follower) readControl(r *reading, b *recordbatch.Batch) error {
	records, err := f.recordsOf(r.decoder, b, "a control batch")
	if err != nil {
		return err
	}
	marks, aborts := wire.Marker(records)
	if !marks {
		return nil
	}
	m := Marker{
		Offset: b.LastOffset(), Term: index.Term{ProducerID: b.ProducerID, Epoch: b.ProducerEpoch},
		Aborts: aborts,
	}
	defer func() { f.marker = m }()
	if m.Term != r.Checkpoint.Term {
		begins, err := f.begins(r, m.Term)
		if err != nil {
			return err
		}
		if !begins && !f.cfg.Broken.TermsRevive {
			f.cfg.Logger.Warn("a marker of a term that has ended changes nothing", "topic", f.cfg.Topic,
				"partition", f.cfg.Partition, "offset", m.Offset, "marker", m.Term.String(),
				"term", r.Checkpoint.Term.String())
			return nil
		}
		m.Began = true
		r.Terms = append(r.Terms, m.Term)
		r.Checkpoint.Term = m.Term
	}
	f.last.add(m)
	f.watcher.Marked(m.Term, m.Aborts)
	return nil
}

// begins reports whether a marker of the term begins it. The term is not the current one.
func (f *Follower) begins(r *reading, term index.Term) (bool, error) {
	for i := len(r.Terms) - 1; i >= 0; i-- {
		if r.Terms[i].ProducerID == term.ProducerID {
			return term.Epoch > r.Terms[i].Epoch, nil
		}
	}
	newest, known, err := f.cfg.Index.Epoch(term.ProducerID)
	return !known || term.Epoch > newest, err
}
