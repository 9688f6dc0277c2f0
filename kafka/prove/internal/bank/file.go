package bank

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// History is all that is needed to judge a bank. A history that breaks a rule is kept, so that it
// can be judged again.
type History struct {
	Bank   string
	Ops    []Op
	Log    []Commit // what the topic holds of the bank, in its order
	Stores []history.Opening
}

// Save writes the history to a file.
func (h *History) Save(path string) error {
	text, err := json.Marshal(h)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("save a bank: %w", err)
	}
	return nil
}

// Load reads a history that was saved. It reports false if the file holds something else.
func Load(path string) (h History, ok bool, err error) {
	text, err := os.ReadFile(path)
	var title struct{ Bank string }
	if err == nil {
		err = json.Unmarshal(text, &title)
	}
	if err == nil && title.Bank != "" {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, false, fmt.Errorf("load a bank: %w", err)
	}
	return h, title.Bank != "", nil
}
