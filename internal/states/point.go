package states

// measureEvery is the number of events after which a state is measured again. Until then, a state
// that has slices or maps counts as grown by all that its events hold. Another one has some texts,
// and counts as before.
const measureEvery = 64

// NewPoint returns a point with a copy of the state. It was made from another point, nil for none,
// and from events that take so many bytes.
func (k *Kind[S]) NewPoint(state S, version int64, from *Point[S], bytes int) *Point[S] {
	p := &Point[S]{State: k.Copy(state), Version: version}
	if from != nil {
		p.snapshot = from.snapshot
	}
	if from != nil && version-from.measured < measureEvery {
		p.size, p.measured = from.size, from.measured
		if !k.flat {
			p.size += bytes
		}
		return p
	}
	p.size, p.measured = k.size(&p.State), version
	return p
}

// PointOfSnapshot returns the point of a snapshot, whose state nobody else has.
func (k *Kind[S]) PointOfSnapshot(state S, version int64) *Point[S] {
	return &Point[S]{State: state, Version: version, size: k.size(&state), measured: version, snapshot: version}
}

// Since returns how many events the point has more than the snapshot that it was made from.
func (p *Point[S]) Since() int64 { return p.Version - p.snapshot }

// Of returns a copy of the point's state, and its version. Before the first event, which a nil
// point stands for, the state is zero.
func (k *Kind[S]) Of(p *Point[S]) (state S, version int64) {
	if p == nil {
		return state, 0
	}
	return k.Copy(p.State), p.Version
}
