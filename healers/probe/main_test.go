package probe

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// serveEnv has the test binary serve the instances of a benchmark instead.
const serveEnv = "REBOUND_PROBE_BENCH_SERVE"

// addresses is how many of 127/8 are listened on: one address would run out of
// ports within seconds.
const addresses = 64

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serve()
		return
	}
	goleak.VerifyTestMain(m)
}

// serve prints an address in each line and answers there until its input ends. It
// costs as little as a server can.
func serve() {
	for i := range addresses {
		ln, err := net.Listen("tcp4", fmt.Sprintf("127.83.%d.1:0", i+1))
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
				go answerAll(c)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

const well = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"

func answerAll(c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 1024)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		if _, err := io.WriteString(c, well); err != nil {
			return
		}
	}
}
