package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
)

// serveEnv has the test binary serve what is asked instead: the CPU time of its
// process is then that of the server alone.
const serveEnv = "REBOUND_BENCH_SERVE"

// addresses is how many of 127/8 are listened on: one address would run out of
// ports within seconds.
const addresses = 64

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serve()
		return
	}
	os.Exit(m.Run())
}

// serve prints an address in each line and answers there until its input ends. It
// costs as little as a server can.
func serve() {
	for i := range addresses {
		ln, err := net.Listen("tcp4", fmt.Sprintf("127.84.%d.1:0", i+1))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(ln.Addr())
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go answer(c)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

const well = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"

func answer(c net.Conn) {
	defer func() { _ = c.Close() }()
	if _, err := c.Read(make([]byte, 1024)); err == nil {
		_, _ = io.WriteString(c, well)
	}
}

// servers starts a process that serves, and returns its addresses.
func servers(tb testing.TB) []string {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := exec.CommandContext(tb.Context(), self)
	c.Env = append(os.Environ(), serveEnv+"=1")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	var all []string
	for lines := bufio.NewScanner(out); len(all) < addresses && lines.Scan(); {
		all = append(all, lines.Text())
	}
	if len(all) != addresses {
		tb.Fatal("the server does not come up")
	}
	return all
}
