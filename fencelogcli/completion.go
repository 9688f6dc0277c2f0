package fencelogcli

import (
	"strings"

	"github.com/spf13/cobra"
)

// The shells that completion knows, and how each loads its script.
const shells = `
  bash        source <(TOOL completion bash)
  zsh         TOOL completion zsh > "${fpath[1]}/_TOOL"
  fish        TOOL completion fish | source
  powershell  TOOL completion powershell | Out-String | Invoke-Expression
`

// completion returns the command that prints the script by which a shell completes commands, flags,
// categories and the ids of dead letters.
func (t *tool) completion() *cobra.Command {
	write := map[string]func(*cobra.Command) error{
		"bash":       func(c *cobra.Command) error { return c.Root().GenBashCompletionV2(t.Stdout, true) },
		"zsh":        func(c *cobra.Command) error { return c.Root().GenZshCompletion(t.Stdout) },
		"fish":       func(c *cobra.Command) error { return c.Root().GenFishCompletion(t.Stdout, true) },
		"powershell": func(c *cobra.Command) error { return c.Root().GenPowerShellCompletionWithDesc(t.Stdout) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "prints the script by which a shell completes commands",
		Long: "A shell loads it for one session, or from its file of settings:\n" +
			strings.ReplaceAll(shells, "TOOL", t.Name),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      between(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			script := write[args[0]]
			if script == nil {
				return usagef("found the shell %q, expected one of bash, zsh, fish, powershell", args[0])
			}
			return script(cmd)
		},
	}
}

// completeCategories completes the name of a category.
func (t *tool) completeCategories(suffix string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && suffix != "" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if suffix != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		var names []string
		declared, _ := t.declared() // a mistake in a variable is told when the command runs
		for _, c := range declared {
			names = append(names, c.Name+suffix)
		}
		return names, directive
	}
}
