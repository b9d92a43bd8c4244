package metric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	agent = "rebound-metric"
	// What an answer may be at most; of a page as it is unpacked.
	mostHead = 1 << 20
	mostPage = 8 << 20
	mostJSON = 1 << 20
	// maxRedirects is that of net/http.
	maxRedirects = 10
	// quoted is how much is told of what was said instead of an answer, and told of an error.
	quoted = 120
	told   = 500
)

// sameHost is the rule for redirects: who answers elsewhere is not who was to be asked, and
// must not be sent a token.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return fmt.Errorf("redirected to %s://%s, which is not who is asked", next.URL.Scheme, next.URL.Host)
	}
	if len(before) > maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	return nil
}

// get asks for a document. Who calls it closes the body, which is bounded.
func get(ctx context.Context, client *http.Client, address string, header http.Header, most int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", bare(err))
	}
	req.Header = header
	req.Header.Set("User-Agent", agent)
	resp, err := client.Do(req)
	if err != nil {
		return nil, bare(err)
	}
	resp.Body = &bounded{ReadCloser: resp.Body, left: most, most: most}
	return resp, nil
}

// bare leaves out the address, which is known and may hold what nobody should read.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// refused is the error of an answer that is none.
func refused(resp *http.Response) error {
	said := make([]byte, quoted+1)
	n, _ := io.ReadFull(resp.Body, said) // the status is the error
	return fmt.Errorf("status %d%s", resp.StatusCode, quote(said[:n]))
}

// quote is the beginning of what was said.
func quote(said []byte) string {
	text := strings.TrimSpace(string(said[:min(len(said), quoted)]))
	if text == "" {
		return ""
	}
	if len(said) > quoted {
		text += "..."
	}
	return fmt.Sprintf(": %q", text)
}

// bounded is an answer that must not be longer than it may be: of what is cut off nobody
// knows what it would have said.
type bounded struct {
	io.ReadCloser
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d MiB", b.most>>20)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("the answer is longer than %d MiB", b.most>>20)
	}
	return n, err
}

// cutOff is a text of others that is not too long to be told.
func cutOff(s string) string {
	if len(s) <= told {
		return s
	}
	return strings.ToValidUTF8(s[:told], "") + "..."
}
