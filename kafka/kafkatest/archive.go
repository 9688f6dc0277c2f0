package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	archiveFile = "classes.jsa"
	recordTime  = 2 * time.Minute // for a broker to become ready
	stopGrace   = time.Minute     // for a broker that is asked to end
)

// archive returns the path of an archive of the classes that a broker loads, made now or in an
// earlier process. Java maps it into memory instead of reading and checking thousands of classes
// one by one. So the start of a broker takes little more than half the processor time.
//
// Without an archive brokers only start more slowly, so a failure is told, and is no error. Then,
// and if there are no classes, the path is empty. Java ignores an archive that another Java has
// made.
func (c *cache) archive(ctx context.Context, name string, d *distribution) string {
	if !isDir(filepath.Join(d.dir, libsDir)) {
		return ""
	}
	dir, err := c.once(ctx, "recording the classes of "+name, name+"-classes", d.record)
	if err != nil {
		c.progress.Say("brokers will start slowly: %v", err)
		return ""
	}
	return filepath.Join(dir, archiveFile)
}

// withArchive returns the distribution with an archive of its classes, if there is one.
func (d *distribution) withArchive(path string) *distribution {
	if path == "" {
		return d
	}
	return &distribution{java: d.java, dir: d.dir, options: []string{
		"-XX:SharedArchiveFile=" + path, "-Xlog:cds=off", "-Xlog:cds+dynamic=off",
	}}
}

// record starts a broker, and ends it once it is ready: then Java writes the archive into dir.
func (d *distribution) record(ctx context.Context, dir string) (err error) {
	free, err := freePorts(2, nil, nil)
	if err != nil {
		return err
	}
	scratch := filepath.Join(dir, "run")
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	tmp := filepath.Join(scratch, tempDir)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return fmt.Errorf("kafkatest: %w", err)
	}
	archive := filepath.Join(dir, archiveFile)
	recorded := &distribution{java: d.java, dir: d.dir, options: []string{"-XX:ArchiveClassesAtExit=" + archive}}
	run := &runDir{data: scratch, tmp: tmp, plan: portPlan{brokers: free[:1], controllers: free[1:]}}
	b, err := newBroker(installed{kafka: recorded}, run, newUUID(), 0, nil)
	if err != nil {
		return err
	}
	if err := b.start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.kill()) }()
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	probe := func(context.Context) error { return b.ready([]int{0}) }
	if err := b.await(ctx, probe, func(error) {}); err != nil {
		return err
	}
	if err := b.process().Stop(stopGrace); err != nil {
		return fmt.Errorf("kafkatest: %w", err)
	}
	if _, err := os.Stat(archive); err != nil {
		return fmt.Errorf("kafkatest: Java has written no archive: %w", err)
	}
	return nil
}
