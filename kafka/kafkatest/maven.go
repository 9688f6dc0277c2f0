package kafkatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// artifact is the coordinates by which Maven downloads a file.
type artifact struct{ group, id, version string }

const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

// copyJars puts the jars of the artifacts, and all that they need to run, into dest. Its project
// file stays in dir.
func copyJars(ctx context.Context, dir, dest string, artifacts ...artifact) error {
	pom := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(pom, []byte(project(artifacts)), 0o644); err != nil {
		return fmt.Errorf("kafkatest: maven: %w", err)
	}
	return maven(ctx, dir, dependencyPlugin+":copy-dependencies",
		"-f", pom, "-DoutputDirectory="+dest, "-DincludeScope=runtime")
}

// unpack puts the contents of an archive into dest. It ignores the dependencies of the artifact.
func unpack(ctx context.Context, dest string, a artifact, kind, classifier string) error {
	coordinates := strings.Join([]string{a.group, a.id, a.version, kind, classifier}, ":")
	return maven(ctx, dest, dependencyPlugin+":unpack",
		"-Dartifact="+coordinates, "-DoutputDirectory="+dest)
}

// maven runs one goal.
func maven(ctx context.Context, dir, goal string, options ...string) error {
	mvn, err := findTool("Maven downloads Kafka and the registry: install it and put it on the PATH", "mvn")
	if err != nil {
		return err
	}
	// In spite of its name, --update-snapshots also makes Maven ask again for files that it failed
	// to get the last time.
	args := append([]string{"--batch-mode", "--quiet", "--update-snapshots", goal}, options...)
	return runTool(ctx, dir, "is Maven Central within reach, and does the version exist?", mvn, args...)
}

// project is a pom.xml that depends on the artifacts and builds nothing.
func project(artifacts []artifact) string {
	var b strings.Builder
	b.WriteString(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.github.fencelog</groupId>
  <artifactId>kafkatest</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
`)
	for _, a := range artifacts {
		fmt.Fprintf(&b,
			"    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n",
			a.group, a.id, a.version)
	}
	b.WriteString("  </dependencies>\n</project>\n")
	return b.String()
}
