package history

import (
	"encoding/json"
	"fmt"
	"os"
)

// Case is the history of one stream, with everything that is needed to judge it. [Save] keeps it,
// so that a history that breaks a rule can be judged again.
type Case struct {
	Ops    []Op
	Shared bool
	Stores []Opening
	Proven []Proof
	Log    []Record
}

// Proof is an element of Owners.Proven.
type Proof struct {
	Claimed
	Called int64
}

// Save writes the arguments of Check to a file.
func Save(path string, ops []Op, owners Owners, log []Record) error {
	c := Case{Ops: ops, Shared: owners.Shared, Stores: owners.Openings, Log: log}
	for claimed, called := range owners.Proven {
		c.Proven = append(c.Proven, Proof{claimed, called})
	}
	text, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("save a history: %w", err)
	}
	return nil
}

// CheckFile judges a history that was saved.
func CheckFile(path, diagram string) ([]Violation, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load a history: %w", err)
	}
	var c Case
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("load a history: %w", err)
	}
	owners := Owners{Shared: c.Shared, Openings: c.Stores, Proven: make(map[Claimed]int64)}
	for _, p := range c.Proven {
		owners.Proven[p.Claimed] = p.Called
	}
	return Check(c.Ops, owners, c.Log, diagram), nil
}
