package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// curl does what the program curl does. It knows the flags that the README uses, and no others.
func curl(args []string) int {
	method, url, body := http.MethodGet, "", ""
	headers := make(http.Header)
	for i := 0; i < len(args); i++ {
		switch flag := args[i]; {
		case flag == "-s":
		case (flag == "-H" || flag == "-d") && i+1 < len(args):
			i++
			if flag == "-d" {
				method, body = http.MethodPost, args[i]
				continue
			}
			name, value, _ := strings.Cut(args[i], ":")
			headers.Add(name, strings.TrimSpace(value))
		case strings.HasPrefix(flag, "-"):
			fmt.Fprintln(os.Stderr, "curl: unknown flag", flag)
			return exitUsage
		default:
			url = "http://" + flag
		}
	}
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		return exitUsage
	}
	request.Header = headers
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		return exitFailed
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		return exitFailed
	}
	return exitOK
}
