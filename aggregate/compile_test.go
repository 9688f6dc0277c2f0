package aggregate_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The compiler refuses these programs, and takes the one that does the same things right.
func TestEventCompile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dir, want string }{
		{"ok", ""},
		{"listed", `listed\.go:9:\d+: .*type shop\.Added .* does not match .*aggregate\.Event\[shop\.Shop\]`},
		{
			"decided",
			`decided\.go:13:\d+: .*shop\.Added does not implement aggregate\.Event\[shop\.Shop\] ` +
				`\(wrong type for method Apply\)`,
		},
		{
			"applied",
			`applied\.go:6:\d+: .*shop\.Added does not implement aggregate\.Event\[shop\.Shop\] ` +
				`\(wrong type for method Apply\)`,
		},
		{
			"changed",
			`changed\.go:10:\d+: cannot use aggregate\.On\("s-1", shop\.Added\{\}\) ` +
				`\(.*aggregate\.Change\[shop\.Cart\]\) as aggregate\.Change\[shop\.Shop\]`,
		},
		{"nameless", `nameless\.go:9:\d+: .*type shop\.Nameless .* does not match .*aggregate\.Event\[shop\.Shop\]`},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			t.Parallel()
			build := exec.CommandContext(t.Context(), "go", "build", "./testdata/compile/"+tt.dir)
			out, err := build.CombinedOutput()
			if tt.want == "" {
				require.NoError(t, err, "%s", out)
				return
			}
			var refused *exec.ExitError
			require.ErrorAs(t, err, &refused)
			require.Regexp(t, tt.want, string(out))
		})
	}
}
