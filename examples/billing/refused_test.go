package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/observe/prom"
)

// Every code that the domain declares is counted under its own name.
func TestEveryCodeIsCounted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../billing/*/*.go")
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^(?:const|\s)\s*Err\w+\s+refusal\.Code\s+= "(\w+)"`)
	var codes []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			codes = append(codes, found[1])
		}
	}
	require.NotEmpty(t, codes)
	require.ElementsMatch(t, append(codes, codeInvalid, string(refusal.CommandReused)), refusalCodes())
}

// The metrics count refusals by code, and begin at 0.
func TestRefusalsInMetrics(t *testing.T) {
	t.Parallel()
	c := start(t)
	metrics := c.do(http.MethodGet, "/metrics", "").text
	require.Contains(t, metrics, `fencelog_command_refusals_total{code="AccountAlreadyExists"} 0`)
	require.Equal(t, http.StatusCreated, c.do(http.MethodPost, accountsPath, createBody("a")).status)
	require.Equal(t, http.StatusConflict, c.do(http.MethodPost, accountsPath, createBody("a")).status)
	require.Equal(t, http.StatusNotFound, c.do(http.MethodGet, accountsPath+"/b", "").status)
	metrics = c.do(http.MethodGet, "/metrics", "").text
	require.Contains(t, metrics, `fencelog_command_refusals_total{code="AccountAlreadyExists"} 1`)
	require.Contains(t, metrics, `fencelog_query_refusals_total{code="AccountNotFound"} 1`)
	require.Contains(t, metrics, `fencelog_command_refusals_total{code="`+prom.CodeOther+`"} 0`)
	require.Contains(t, metrics, `fencelog_build_info{`)
}
