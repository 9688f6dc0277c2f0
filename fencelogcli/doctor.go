package fencelogcli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/kafka/doctor"
)

// examination bounds how long the doctor may take.
const examination = 2 * time.Minute

// advertised is the address of no instance: the doctor asks for the permission to share.
const advertised = "fencelog"

// doctor returns the command that says what is wrong.
func (t *tool) doctor() *cobra.Command {
	var sharing bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "says what is wrong with brokers, topics, permissions and registry, and how to mend it",
		Long: `
Run it where the service will run, with the service's environment. It looks at the
variables, the brokers, the cluster, the topics and their settings, the permissions, the
folder of the index, the schema registry, the schemas in it, and the clocks. It changes
nothing. It exits with 1 if something is wrong; a warning is not.`,
		Example: "  " + t.Name + " doctor",
		Args:    between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), examination)
			defer cancel()
			return t.examine(ctx, sharing)
		},
	}
	t.kafkaFlags(cmd)
	t.registryFlags(cmd)
	t.schemasFlag(cmd)
	t.jsonFlag(cmd, "print the findings as JSON")
	usage := "look at what an instance needs that shares the partitions, too"
	if t.AdvertiseVariable != "" {
		usage += " (default: whether " + t.AdvertiseVariable + " is set)"
	}
	cmd.Flags().BoolVar(&sharing, "sharing", false, usage)
	return cmd
}

// report is all that was found.
type report struct {
	Findings []doctor.Finding `json:"findings"`
}

func (r report) count(v doctor.Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

func (t *tool) examine(ctx context.Context, sharing bool) error {
	over := t.waiting("looking")
	r, err := t.diagnose(ctx, sharing)
	over()
	switch {
	case err != nil:
		return err
	case t.flags.json:
		err = t.printJSON(r)
	default:
		_, err = fmt.Fprint(t.Stdout, r.text())
	}
	if err == nil && r.count(doctor.Wrong) > 0 {
		err = errFound
	}
	return err
}

func (t *tool) diagnose(ctx context.Context, sharing bool) (r report, err error) {
	cfg, err := t.kafkaOfAll()
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return r, err
	case err != nil:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			r.Findings = append(r.Findings, doctor.Finding{
				Check: "configuration", Verdict: doctor.Wrong, Found: line,
				Do: "set the variable; kafka/connection/SECURITY.md lists them",
			})
		}
	default:
		if t.AdvertiseVariable != "" {
			cfg.Sharing.Advertise = t.Getenv(t.AdvertiseVariable)
		}
		if sharing {
			cfg.Sharing.Advertise = cmp.Or(cfg.Sharing.Advertise, advertised)
		}
		r.Findings = append(r.Findings, doctor.Finding{
			Check: "configuration", Verdict: doctor.OK,
			Found: "brokers " + strings.Join(cfg.Connection.Brokers, ", ") + "; " + cfg.Connection.Security.String(),
		})
		r.Findings = append(r.Findings, doctor.Diagnose(ctx, cfg)...)
	}
	found, err := t.examineRegistry(ctx)
	r.Findings = append(r.Findings, found...)
	return r, err
}

// text lays the findings out to be read. The verdict stands at the left edge, how to mend what is
// wrong below.
func (r report) text() string {
	var b strings.Builder
	for i, f := range r.Findings {
		name := f.Check
		if i > 0 && r.Findings[i-1].Check == name {
			name = ""
		}
		fmt.Fprintf(&b, "%-8s %-14s %s\n", f.Verdict, name, indent(f.Found))
		if f.Do != "" {
			fmt.Fprintf(&b, "%-8s %-14s   -> %s\n", "", "", indent(f.Do))
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d wrong, %d warnings, %d skipped\n", r.count(doctor.OK), r.count(doctor.Wrong),
		r.count(doctor.Warning), r.count(doctor.Skipped))
	return b.String()
}

// indent keeps further lines of a text in its column.
func indent(text string) string {
	const column = 24
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", column))
}
