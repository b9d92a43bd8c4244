package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"sigs.k8s.io/yaml"
)

// errWatchEnded is how a watch ends that the server ended: it is opened anew.
var errWatchEnded = errors.New("the watch ended")

// client reaches the API server.
type client struct {
	server string
	http   *http.Client
}

// config is what is read of a kubeconfig. It names one cluster and one user.
type config struct {
	Clusters []struct {
		Cluster struct {
			Server    string `json:"server"`
			Authority string `json:"certificate-authority-data"`
		} `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		User struct {
			CertificateFile string `json:"client-certificate"`
			KeyFile         string `json:"client-key"`
			Certificate     string `json:"client-certificate-data"`
			Key             string `json:"client-key-data"`
		} `json:"user"`
	} `json:"users"`
}

func connect(file string) (*client, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c config
	if err := yaml.Unmarshal(content, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(c.Clusters) == 0 || len(c.Users) == 0 {
		return nil, fmt.Errorf("%s names no cluster and user", file)
	}
	cluster, user := c.Clusters[0].Cluster, c.Users[0].User
	authority, err := base64.StdEncoding.DecodeString(cluster.Authority)
	if err != nil {
		return nil, fmt.Errorf("%s: certificate-authority-data: %w", file, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: no certificate in certificate-authority-data", file)
	}
	var own tls.Certificate
	if user.CertificateFile != "" {
		own, err = tls.LoadX509KeyPair(user.CertificateFile, user.KeyFile)
	} else {
		own, err = decodePair(user.Certificate, user.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the client's certificate: %w", file, err)
	}
	// A peer that is frozen or cut off is noticed within half a minute.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}, Timeout: 10 * time.Second}
	return &client{server: cluster.Server, http: &http.Client{Transport: &http.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: 30 * time.Second,
	}}}, nil
}

func decodePair(certificate, key string) (tls.Certificate, error) {
	c, err := base64.StdEncoding.DecodeString(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	k, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(c, k)
}

// object is what is read of a Node.
type object struct {
	Metadata struct {
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		PodCIDR  string   `json:"podCIDR"`
		PodCIDRs []string `json:"podCIDRs"`
	} `json:"spec"`
	Status struct {
		Addresses []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
	} `json:"status"`
}

// follow tells all nodes after each change of them, until the watch ends.
func follow(ctx context.Context, c *client, changed func(map[string]node) error) error {
	defer c.http.CloseIdleConnections()
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []object `json:"items"`
	}
	body, err := c.get(ctx, nil)
	if err != nil {
		return err
	}
	err = json.NewDecoder(body).Decode(&list)
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	nodes := map[string]node{}
	for _, o := range list.Items {
		nodes[o.Metadata.Name] = nodeOf(o)
	}
	if err := changed(nodes); err != nil {
		return err
	}
	body, err = c.get(ctx, url.Values{"watch": {"1"}, "resourceVersion": {list.Metadata.ResourceVersion}})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return watch(body, nodes, changed)
}

// watch reads events until they end.
func watch(body io.Reader, nodes map[string]node, changed func(map[string]node) error) error {
	for d := json.NewDecoder(body); ; {
		var e struct {
			Type   string `json:"type"`
			Object object `json:"object"`
		}
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return errWatchEnded
		} else if err != nil {
			return fmt.Errorf("watch nodes: %w", err)
		}
		name, now := e.Object.Metadata.Name, nodeOf(e.Object)
		before, had := nodes[name]
		switch e.Type {
		case "ADDED", "MODIFIED":
			if had && before == now {
				continue // a heartbeat
			}
			nodes[name] = now
		case "DELETED":
			delete(nodes, name)
		default: // the server says why the watch cannot go on
			return errWatchEnded
		}
		if err := changed(nodes); err != nil {
			return err
		}
	}
}

func (c *client) get(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/api/v1/nodes?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		return nil, errors.Join(fmt.Errorf("%s: %s", resp.Status, said), resp.Body.Close())
	}
	return resp.Body, nil
}
