package measure

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Report is what a run measured.
type Report struct {
	Kafka    string // version, or empty for kafkatest's default
	Postgres string // version
	Machine  string
	Rounds   int
	Events   int // of the longest topic
	Quick    bool
	Seed     uint64
	Took     time.Duration
	Tables   []Table
}

// Unit says how figures are written.
type Unit int

// Units of [Column] and [Goal].
const (
	Number  Unit = iota // with three digits that count
	Rate                // whole, each second
	Seconds             // as a duration
	Bytes               // as MiB
)

// Table is what a case measured.
type Table struct {
	Case    string
	Title   string
	Columns []Column
	Rows    []Row
	Goals   []Goal
	Ratios  []Ratio
	Notes   []string
}

// Column is one kind of figure.
type Column struct {
	Name string
	Unit Unit
}

// Row has the figures of a contender. For each column of the table it has one for each round, one
// for all rounds, or none.
type Row struct {
	Contender string
	Figures   [][]float64

	// Claimed is how many of the contender's commits were acknowledged. Stored is how many were
	// found where it keeps them. A contender that appends nothing has neither.
	Claimed, Stored int64
}

// Goal compares a figure, round by round, with what it should be.
type Goal struct {
	Text   string
	Unit   Unit
	Found  []float64
	Want   float64
	AtMost bool // Want is the most that Found may be, otherwise the least
}

// Ratio compares two figures, round by round, without a goal.
type Ratio struct {
	Text  string
	Found []float64
}

// Met reports whether the median reaches the goal.
func (g Goal) Met() bool {
	if g.AtMost {
		return median(g.Found) <= g.Want
	}
	return median(g.Found) >= g.Want
}

// String says whether the goal was met. If it was not, it says by how much.
func (g Goal) String() string {
	sign, verdict := "≥", "met"
	if g.AtMost {
		sign = "≤"
	}
	if !g.Met() {
		verdict = fmt.Sprintf("NOT MET, by %.0f %%", 100*math.Abs(median(g.Found)-g.Want)/g.Want)
	}
	return fmt.Sprintf("%s %s %s: %s; found %s", g.Text, sign, g.Unit.format(g.Want), verdict, g.Unit.spread(g.Found))
}

// spread writes the median, and in brackets the least and the greatest.
func (u Unit) spread(values []float64) string {
	switch s := sorted(values); len(s) {
	case 0:
		return "–"
	case 1:
		return u.format(s[0])
	default:
		return fmt.Sprintf("%s (%s–%s)", u.format(median(s)), u.format(s[0]), u.format(s[len(s)-1]))
	}
}

func (u Unit) format(v float64) string {
	switch u {
	case Rate:
		return thousands(int64(math.Round(v)))
	case Bytes:
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	case Seconds:
		switch {
		case v < 1e-3:
			return threeDigits(v*1e6) + " µs"
		case v < 1:
			return threeDigits(v*1e3) + " ms"
		}
		return threeDigits(v) + " s"
	default:
		if v >= 1000 {
			return thousands(int64(math.Round(v)))
		}
		return threeDigits(v)
	}
}

func threeDigits(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// thousands writes a whole number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Met reports whether all goals are met.
func (r *Report) Met() bool {
	met, all := r.goals()
	return met == all
}

func (r *Report) goals() (met, all int) {
	for _, t := range r.Tables {
		for _, g := range t.Goals {
			all++
			if g.Met() {
				met++
			}
		}
	}
	return met, all
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	kafka := r.Kafka
	if kafka == "" {
		kafka = "(default version)"
	}
	fmt.Fprintf(w, "\nKafka %s, three brokers, acks=all, lz4; PostgreSQL %s, fsync and synchronous_commit on; "+
		"all on one machine, %s\n",
		kafka, r.Postgres, r.Machine)
	fmt.Fprintf(w, "%d rounds, contenders taking turns; each figure is the median, "+
		"in brackets the least and the greatest; seed %d; took %s\n",
		r.Rounds, r.Seed, r.Took.Round(time.Second))
	fmt.Fprintf(w, "The longest topic has %s events", thousands(int64(r.Events)))
	if r.Quick {
		fmt.Fprintf(w, ". QUICK: short turns and small topics, the figures are not for quoting")
	}
	fmt.Fprintf(w, "\n")
	for i := range r.Tables {
		r.Tables[i].print(w)
	}
	met, all := r.goals()
	fmt.Fprintf(w, "\n%d of %d goals met\n", met, all)
}

func (t *Table) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n\n", t.Case, t.Title)
	cells := [][]string{{""}}
	for _, c := range t.Columns {
		cells[0] = append(cells[0], c.Name)
	}
	for _, r := range t.Rows {
		line := []string{r.Contender}
		for i, c := range t.Columns {
			line = append(line, c.Unit.spread(r.Figures[i]))
		}
		cells = append(cells, line)
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range cells {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString("   " + pad + cell)
			}
		}
		fmt.Fprintln(w, b.String())
	}
	fmt.Fprintln(w)
	for _, g := range t.Goals {
		fmt.Fprintf(w, "  goal: %s\n", g)
	}
	for _, r := range t.Ratios {
		fmt.Fprintf(w, "  ratio: %s: %s\n", r.Text, Number.spread(r.Found))
	}
	for _, n := range t.Notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}
