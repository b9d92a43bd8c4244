package main

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestWhatIsDoneAboutTheEngine(t *testing.T) {
	none := errors.New("no such file or directory")
	denied := &fs.PathError{Op: "dial", Path: defaultSocket, Err: fs.ErrPermission}
	for _, c := range []struct {
		name   string
		host   host
		engine engine
		want   action
		says   []string // where it is refused
	}{
		{name: "reachable", host: host{docker: "/usr/bin/docker"}, engine: engine{}, want: useEngine},
		{name: "reachable as root", host: host{root: true, debian: true, docker: "/usr/bin/docker", dockerd: "/usr/sbin/dockerd"}, engine: engine{}, want: useEngine},
		{name: "reachable, no client, root on Debian", host: host{root: true, debian: true}, engine: engine{}, want: installClient},
		{name: "reachable, no client, no root", host: host{debian: true}, engine: engine{}, says: []string{"docker client is not installed", "apt-get install docker.io"}},
		{name: "bare, root on Debian", host: host{root: true, debian: true}, engine: engine{unreachable: none}, want: installEngine},
		{name: "client alone, root on Debian", host: host{root: true, debian: true, docker: "/usr/bin/docker"}, engine: engine{unreachable: none}, want: installEngine},
		{name: "installed, root", host: host{root: true, docker: "/usr/bin/docker", dockerd: "/usr/sbin/dockerd"}, engine: engine{unreachable: none}, want: startEngine},
		{name: "bare, root elsewhere", host: host{root: true}, engine: engine{unreachable: none}, says: []string{"no Debian", "your distribution's packages"}},
		{name: "bare, no root on Debian", host: host{debian: true}, engine: engine{unreachable: none}, says: []string{"only root can install", "sudo apt-get install docker.io", `sudo env "PATH=$PATH" make provision`}},
		{name: "bare, no root elsewhere", host: host{}, engine: engine{unreachable: none}, says: []string{"only root can install", "your distribution's packages"}},
		{name: "stopped, no root", host: host{debian: true, docker: "/usr/bin/docker", dockerd: "/usr/sbin/dockerd"}, engine: engine{unreachable: none}, says: []string{"only root can start it", "sudo systemctl start docker"}},
		{name: "no permission", host: host{debian: true, docker: "/usr/bin/docker"}, engine: engine{endpoint: "unix://" + defaultSocket, unreachable: denied}, says: []string{"permission denied", "usermod -aG docker", "as root"}},
		{name: "chosen and down", host: host{root: true, debian: true, docker: "/usr/bin/docker", dockerd: "/usr/sbin/dockerd"}, engine: engine{endpoint: "tcp://user:secret@far:2376", chosen: true, unreachable: none}, says: []string{"tcp://user:xxxxx@far:2376", "unset DOCKER_HOST"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decide(c.host, c.engine)
			if got != c.want {
				t.Errorf("decides %d, want %d", got, c.want)
			}
			if len(c.says) == 0 {
				if err != nil {
					t.Errorf("refuses: %v", err)
				}
				return
			}
			if _, ok := errors.AsType[*cannotError](err); !ok {
				t.Fatalf("error %v, want one that says what this machine cannot have", err)
			}
			for _, s := range append(c.says, "make test") {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("says %q, want %q in it", err, s)
				}
			}
		})
	}
}

func TestReadDockerInfo(t *testing.T) {
	var e engine
	err := e.read(`{"ServerVersion":"20.10.24","Architecture":"aarch64","DockerRootDir":"/d","DefaultRuntime":"runc","SecurityOptions":["name=seccomp,profile=default","name=rootless"]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.version != "20.10.24" || e.arch != "arm64" || e.folder != "/d" || e.runtime != "runc" || !e.rootless {
		t.Errorf("read %+v", e)
	}
	if got, want := e.String(), "20.10.24, arm64, rootless"; got != want {
		t.Errorf("is called %q, want %q", got, want)
	}
	if err := e.read(`{"ServerVersion":"29.0","DockerRootDir":"/d","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"Containerd":{"Address":"/var/run/docker/containerd/containerd.sock"}}`, nil); err != nil || e.folder != "/d" {
		t.Errorf("an engine with a containerd of its own keeps images in %q, %v", e.folder, err)
	}
	for _, bad := range []string{`{"ServerErrors":["cannot connect"]}`, `{}`, ``} {
		if err := e.read(bad, errors.New("exit status 1")); err == nil {
			t.Errorf("docker info %q passes as an engine that answers", bad)
		}
	}
}

func TestFilterOnlyWhereTheCapabilityIsMissing(t *testing.T) {
	if got := daemonFlags(host{sysResource: true}); len(got) != 0 {
		t.Errorf("a host with CAP_SYS_RESOURCE starts its engine with %q", got)
	}
	if got := strings.Join(daemonFlags(host{}), " "); !strings.Contains(got, filterPath) || !strings.Contains(got, "--default-runtime "+filterName) {
		t.Errorf("a host without CAP_SYS_RESOURCE starts its engine with %q", got)
	}
}

// Nodes alone are privileged: who asks for containers is not refused for want of that.
func TestPrivilegedIsTriedForNodesAlone(t *testing.T) {
	for platform, refused := range map[string]bool{platformContainers: false, platformKind: true} {
		p, _ := testProvision(t)
		p.platforms, p.engine = []string{platform}, engine{local: true, runtime: plainRuntime}
		p.host = host{docker: program(t, "docker", "echo 'operation not permitted'; exit 125")}
		if err := p.tryPrivileged(t.Context(), false); (err != nil) != refused {
			t.Errorf("for %s: error %v, want that it is refused: %t", platform, err, refused)
		}
	}
}
