package rule

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// An index is right only as long as the log still holds the records that it was made from. Brokers
// can lose records. Their disks are restored from a copy, or files are damaged, or an unclean
// election makes a replica the leader that lacks records. The ids of cluster and topic stay the
// same then. So each new connection to the leader begins with a look at the batch that the index
// has read last. If a broker's log is exchanged, the broker restarts, and that ends its
// connections.
//
// If a look finds a batch, that is final, whichever broker answers: below its high watermark a
// replica has nothing that differs from the others. If a look finds nothing, that is final only if
// the leader in office says so again and again. A leader that was deposed and has not noticed may
// lack records that the newer leader has acknowledged.

// verify compares the index with the log of a broker after connecting to it. The broker should be
// the leader of an epoch. verify fails with a *[log.CorruptError] if the log contradicts the index.
func (f *Follower) verify(b *dial.Broker, epoch int32) error {
	at := f.cfg.Index.Checkpoint()
	there := true
	if at.Next > 0 {
		var err error
		if there, err = f.holdsLast(b, at.Last.Offset); err != nil {
			return err
		}
	}
	if !there || f.link.suspected {
		if err := f.inRange(b, epoch, there); err != nil {
			return err
		}
	}
	f.link.doubts, f.link.suspected = 0, false
	return nil
}

// holdsLast reports whether the log of the broker holds the batch that the index has read last. It
// fails with a *[log.CorruptError] if another one stands in its place.
func (f *Follower) holdsLast(b *dial.Broker, offset int64) (bool, error) {
	m := memories.Get().(*memory)
	defer m.release()
	block, err := log.Fetch(b, log.Request{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Epoch: log.AnyLeaderEpoch,
		MaxBytes: log.OneBatch, Wait: log.AtOnce,
	}, m.room)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m.room = block.Room
	if err := f.begun(block.LogStart); err != nil {
		return false, err
	}
	found, err := block.From(offset)
	var malformed *recordbatch.MalformedError
	if errors.As(err, &malformed) {
		return false, f.garble(malformed, offset)
	}
	if len(found) == 0 {
		return false, nil
	}
	return true, f.compare(&found[0], &m.decoder)
}

// compare compares the batch that the index has read last with found. The log holds found at the
// place of that batch, or after it.
func (f *Follower) compare(found *recordbatch.Batch, d *recordbatch.Decoder) error {
	at := f.cfg.Index.Checkpoint()
	last := at.Last
	if found.FirstOffset > last.Offset {
		return log.Missing(f.cfg.Topic, f.cfg.Partition, last.Offset, found.FirstOffset-1)
	}
	is := wire.HeaderFingerprint(found)
	if last.Records { // otherwise they may be anything
		records, err := d.Records(found)
		if err == nil { // otherwise it is another batch, as the owner's can be decoded
			if err := log.Complete(found, records, f.cfg.Topic, f.cfg.Partition); err != nil {
				return err
			}
			is = wire.ReadFingerprint(found, records)
		}
	}
	if !is.Same(last) {
		return f.contradicted(last.Offset, log.ErrLogRewritten, fmt.Sprintf(
			"the batch of offsets %d to %d (term %d/%d, leader epoch %d, "+
				"sum %08x) stands where the index has read that of offsets %d to %d (leader epoch %d, sum %08x)",
			found.FirstOffset, found.LastOffset(), found.ProducerID, found.ProducerEpoch, is.LeaderEpoch, is.Sum,
			last.Offset, at.Next-1, last.LeaderEpoch, last.Sum))
	}
	return nil
}

// inRange fails unless the leader in office has the index's checkpoint in its log or at the end of
// it. there says that the batch before the checkpoint was found.
func (f *Follower) inRange(b *dial.Broker, epoch int32, there bool) error {
	at := f.cfg.Index.Checkpoint()
	begin, end, err := f.link.ends(b, epoch)
	if err == nil {
		err = f.begun(begin)
	}
	switch {
	case err != nil:
		return err
	case end >= at.Next && there:
		return nil
	case end >= at.Next:
		return fmt.Errorf("the batch of offset %d is not there yet, and the log ends at %d", at.Last.Offset, end)
	case !f.link.believes(epoch):
		return fmt.Errorf("the log ends at offset %d, expected %d or more; the leader is asked again", end, at.Next)
	}
	return f.contradicted(end, log.ErrLogCut, fmt.Sprintf("the log ends here, and the index "+
		"has read it up to offset %d",
		at.Next))
}

// begun fails with a *[log.CorruptError] unless the log begins at offset 0.
func (f *Follower) begun(at int64) error {
	if at <= 0 {
		return nil
	}
	return &log.CorruptError{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: 0, Cause: log.ErrRecordsMissing,
		Found: fmt.Sprintf("the partition begins at offset %d, expected 0: its first records were deleted, "+
			"and an index cannot be made again without them; restore the topic and set retention.ms "+
			"and retention.bytes to -1", at),
	}
}

// contradicted returns the error for a log that contradicts the index.
func (f *Follower) contradicted(offset int64, cause error, found string) error {
	do := "or restart this process if the loss is accepted"
	if dir := f.cfg.Index.Dir(); dir != "" {
		do = fmt.Sprintf("or stop this process and delete its index folder %s if the loss is accepted", dir)
	}
	return &log.CorruptError{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Cause: cause,
		Found: found + ": the brokers have lost or replaced records that this process had read; " +
			"restore the brokers as they were, " + do,
	}
}
