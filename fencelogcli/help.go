package fencelogcli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// columns is how wide the help is.
const columns = 100

// helpOf returns the help of a command.
func helpOf(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nusage: %s\n", cmd.CommandPath(), cmd.Short, usageLine(cmd))
	section := func(title, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			if title != "" {
				title += ":\n"
			}
			fmt.Fprintf(&b, "\n%s%s\n", title, text)
		}
	}
	section("", cmd.Long)
	section("Commands", commandsOf(cmd))
	section("Examples", cmd.Example)
	if cmd.HasAvailableSubCommands() {
		section("", fmt.Sprintf("%s <command> --help says more of a command.", cmd.CommandPath()))
	} else {
		section("Flags", cmd.LocalFlags().FlagUsagesWrapped(columns))
	}
	return b.String()
}

// commandsOf lists the commands below one.
func commandsOf(cmd *cobra.Command) string {
	width := 0
	for _, c := range cmd.Commands() {
		width = max(width, len(c.Name()))
	}
	var b strings.Builder
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, c.Name(), c.Short)
		}
	}
	return b.String()
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " <command>"
	}
	line := cmd.CommandPath()
	if _, args, ok := strings.Cut(cmd.Use, " "); ok {
		line += " " + args
	}
	hasFlags := false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { hasFlags = hasFlags || f.Name != "help" })
	if hasFlags {
		line += " [flags]"
	}
	return line
}

// helpCommand returns the command help, which shows the help of another command.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "shows the help of a command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if cmd, _, err := root.Find(args); err == nil {
				for _, c := range cmd.Commands() {
					if c.IsAvailableCommand() {
						names = append(names, c.Name()+"\t"+c.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q", strings.Join(args, " "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
