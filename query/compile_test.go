package query_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The compiler refuses these programs, and takes the one that does the same things right.
func TestQueryCompile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dir, want string }{
		{"ok", ""},
		{"answer", `answer\.go:15:\d+: cannot use query\.Ask\(.*\) \(value of struct type Balance\) as string value`},
		{"unmarked", `unmarked\.go:13:\d+: .*type GetBalance .* does not match query\.Query\[R\]`},
		{
			"handler",
			`handler\.go:15:\d+: .*type GetBalance\) does not satisfy query\.Query\[R\] ` +
				`\(wrong type for method returns\)`,
		},
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
