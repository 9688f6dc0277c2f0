package kafkatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// artifact is what Maven calls one file to download.
type artifact struct{ group, id, version string }

const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

// copyJars puts the jars of the artifacts, and all that they need to run, into dir.
func copyJars(ctx context.Context, dir string, artifacts ...artifact) error {
	work, err := os.MkdirTemp("", "fencelog-maven-*")
	if err != nil {
		return fmt.Errorf("kafkatest: maven: %w", err)
	}
	defer os.RemoveAll(work)
	pom := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(pom, []byte(project(artifacts)), 0o644); err != nil {
		return fmt.Errorf("kafkatest: maven: %w", err)
	}
	return maven(ctx, work, dependencyPlugin+":copy-dependencies",
		"-f", pom, "-DoutputDirectory="+dir, "-DincludeScope=runtime")
}

// unpackArchive puts the contents of an archive, such as a "tar.gz" with the classifier "all", into dir.
func unpackArchive(ctx context.Context, dir string, a artifact, kind, classifier string) error {
	coordinates := strings.Join([]string{a.group, a.id, a.version, kind, classifier}, ":")
	return maven(ctx, dir, dependencyPlugin+":unpack", "-Dartifact="+coordinates, "-DoutputDirectory="+dir)
}

// maven runs one goal.
func maven(ctx context.Context, dir, goal string, options ...string) error {
	mvn, err := findTool("Maven downloads Kafka and the registry: install it and put it on the PATH", "mvn")
	if err != nil {
		return err
	}
	args := append([]string{"--batch-mode", "--quiet", goal}, options...)
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
		fmt.Fprintf(&b, "    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n", a.group, a.id, a.version)
	}
	b.WriteString("  </dependencies>\n</project>\n")
	return b.String()
}
