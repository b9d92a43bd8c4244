package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// image is one that the suites want.
type image struct {
	name string
	// from is where it is pulled from; "": under its name.
	from string
	// inputs is the hash of the recipe by which it is built here.
	inputs string
	// room is what it takes where the engine keeps images.
	room int64
}

// inspected is what is known of an image in the engine.
type inspected struct {
	ID           string
	Architecture string
	RepoTags     []string
	Config       struct{ Labels map[string]string }
}

// state says whether an image will do, and what it is.
func (i image) state(have inspected, arch string) (what string, ok bool) {
	label, ours := have.Config.Labels[inputsLabel]
	switch {
	case have.ID == "":
		return "missing", false
	case arch != "" && have.Architecture != "" && have.Architecture != arch:
		return fmt.Sprintf("it is for %s, the engine is %s", have.Architecture, arch), false
	case !ours:
		return "pulled, or made by others", true
	case label != i.inputs:
		return "its recipe has changed", false
	}
	return "built here", true
}

func names(images []image) []string {
	out := make([]string, len(images))
	for i, image := range images {
		out[i] = image.name
	}
	return out
}

// inspect asks the engine of images; those that are not there are missing in the answer.
func (p *provision) inspect(ctx context.Context, names ...string) (map[string]inspected, error) {
	// It fails when one is missing, and still tells of the others.
	out, err := p.docker(append([]string{"image", "inspect"}, names...)...).output(ctx)
	var all []inspected
	if bad := json.Unmarshal([]byte(out), &all); bad != nil {
		return nil, errors.Join(err, fmt.Errorf("read docker image inspect: %w", bad))
	}
	found := map[string]inspected{}
	for _, i := range all {
		for _, tag := range i.RepoTags {
			found[tag] = i
		}
	}
	return found, nil
}

// docker is a call of the client.
func (p *provision) docker(args ...string) command {
	return command{args: append([]string{p.host.docker}, args...)}
}

// missing tells which images will not do, and adds a row for each that will.
func (p *provision) missing(ctx context.Context, want []image) ([]image, error) {
	start := time.Now()
	have, err := p.inspect(ctx, names(want)...)
	if err != nil {
		return nil, err
	}
	var missing []image
	for _, w := range want {
		what, ok := w.state(have[w.name], p.engine.arch)
		if ok {
			p.tell.done(w.name, alreadyThere+", "+what, time.Since(start))
			continue
		}
		p.tell.say(w.name, "%s", what)
		missing = append(missing, w)
	}
	return missing, nil
}

// answerWithin is how long a registry may take to say that it has an image, and
// pullWithin how long the whole of it may take.
const (
	answerWithin = 30 * time.Second
	pullWithin   = 15 * time.Minute
)

// pullAll pulls what a registry has, all at once, and returns what none has.
func (p *provision) pullAll(ctx context.Context, want []image) ([]image, error) {
	var wg sync.WaitGroup
	pulled := make([]error, len(want))
	for i, w := range want {
		wg.Go(func() {
			start := time.Now()
			if pulled[i] = p.pull(ctx, w); pulled[i] == nil {
				p.tell.done(w.name, "pulled", time.Since(start))
			} else {
				p.tell.say(w.name, "cannot be pulled: %v", pulled[i])
			}
		})
	}
	wg.Wait()
	var rest []image
	for i, w := range want {
		if pulled[i] != nil {
			rest = append(rest, w)
		}
	}
	return rest, ctx.Err()
}

// pull pulls one image. A registry that does not
// answer is given up soon.
func (p *provision) pull(ctx context.Context, i image) error {
	log, err := p.log("pull " + i.name)
	if err != nil {
		return err
	}
	defer func() { _ = log.file.Close() }() // of a log
	ctx, cancel := context.WithTimeoutCause(ctx, pullWithin, fmt.Errorf("not done within %s", pullWithin))
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	silence := time.AfterFunc(answerWithin, func() { giveUp(fmt.Errorf("no registry answered within %s", answerWithin)) })
	defer silence.Stop()
	from := i.from
	if from == "" {
		from = i.name
	}
	answered := writerFunc(func(b []byte) (int, error) {
		// The first line comes when the registry has said what the image is made of.
		silence.Stop()
		return log.Write(b)
	})
	c := p.docker("pull", from)
	c.log = answered
	if err := c.run(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return errors.New(lastLine(log.tail(), err))
	}
	if from != i.name {
		return p.docker("tag", from, i.name).run(ctx)
	}
	return nil
}

// lastLine is what a command said last, or its error.
func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// build runs a Dockerfile.
type build struct {
	dir    string // of the context; "": the Dockerfile alone
	file   string // the Dockerfile, where it is none of the context
	name   string
	inputs string
	args   map[string]string
}

// build has the engine build an image. What runs in it has the network of the engine's
// host: its packages come from a mirror that may be inside.
func (p *provision) build(ctx context.Context, b build, log *stepLog) error {
	args := []string{"build", "--network", "host", "--force-rm", "--tag", b.name, "--label", inputsLabel + "=" + b.inputs}
	for _, k := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		args = append(args, "--build-arg", k) // as it is here
	}
	for k, v := range b.args {
		args = append(args, "--build-arg", k+"="+v)
	}
	c := p.docker()
	if b.dir == "" {
		args = append(args, "-")
		c.in = bytes.NewReader([]byte(b.file))
	} else {
		args = append(args, b.dir)
	}
	c.args = append(c.args, args...)
	// The builder that every engine has: the other is a plugin of the client.
	c.env, c.log = []string{"DOCKER_BUILDKIT=0"}, log
	return c.run(ctx)
}
