// Command golib proves that step's Go library works against an authority.
//
// It bootstraps a server and a client with one token each, lets them talk over
// mutual TLS on loopback, one fresh connection per request, and keeps talking
// until both have renewed their certificate. One JSON object per line goes to
// standard output: an "exchange" for the first request and after every change
// of a serial, and a "summary" at the end. The exit code is 0 only when every
// request succeeded and both serials changed.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/smallstep/certificates/ca"
)

// exchange is what one request over mutual TLS showed of both sides.
type exchange struct {
	Event        string   `json:"event"`
	ServerSerial string   `json:"server_serial"`
	ClientSerial string   `json:"client_serial"`
	ServerNames  []string `json:"server_names"`
	ClientNames  []string `json:"client_names"`
	ServerEnd    string   `json:"server_not_after"`
	ClientEnd    string   `json:"client_not_after"`
}

type summary struct {
	Event         string `json:"event"`
	Requests      int    `json:"requests"`
	Failures      int    `json:"failures"`
	LastFailure   string `json:"last_failure"`
	ServerSerials int    `json:"server_serials"`
	ClientSerials int    `json:"client_serials"`
	AfterRenewal  int    `json:"after_renewal"`
}

// peer is what the server's handler reports of the client's certificate.
type peer struct {
	Serial   string   `json:"serial"`
	Names    []string `json:"names"`
	NotAfter string   `json:"not_after"`
}

func main() {
	serverToken := flag.String("server-token", "", "one-time token of the server, for localhost")
	clientToken := flag.String("client-token", "", "one-time token of the client")
	limit := flag.Duration("limit", 100*time.Second, "give up after this time")
	flag.Parse()
	if err := run(*serverToken, *clientToken, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "golib:", err)
		os.Exit(1)
	}
}

func run(serverToken, clientToken string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := describeAuthority(clientToken); err != nil {
		return err
	}
	address, stop, err := serve(ctx, serverToken)
	if err != nil {
		return fmt.Errorf("bootstrap server: %w", err)
	}
	defer stop()
	client, err := ca.BootstrapClient(ctx, clientToken)
	if err != nil {
		return fmt.Errorf("bootstrap client: %w", err)
	}
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		return fmt.Errorf("unexpected transport %T", client.Transport)
	}
	transport.DisableKeepAlives = true
	return talk(ctx, client, "https://"+address+"/")
}

// describeAuthority calls the plain client that Bootstrap gives, once per call it offers without credentials.
func describeAuthority(token string) error {
	client, err := ca.Bootstrap(token)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	health, err := client.Health()
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	version, err := client.Version()
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	roots, err := client.Roots()
	if err != nil {
		return fmt.Errorf("roots: %w", err)
	}
	federation, err := client.Federation()
	if err != nil {
		return fmt.Errorf("federation: %w", err)
	}
	first, err := client.Provisioners(ca.WithProvisionerLimit(1))
	if err != nil {
		return fmt.Errorf("provisioners: %w", err)
	}
	return emit(map[string]any{
		"event": "authority", "health": health.Status, "version": version.Version,
		"require_client_authentication": version.RequireClientAuthentication,
		"roots":                         len(roots.Certificates),
		"federation":                    len(federation.Certificates),
		"first_page":                    len(first.Provisioners), "next_cursor": first.NextCursor,
	})
}

// serve starts a server that demands client certificates; it answers with what it saw of the client.
func serve(ctx context.Context, token string) (string, func(), error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	base := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(describe(r.TLS.PeerCertificates[0]))
		}),
	}
	server, err := ca.BootstrapServer(ctx, token, base)
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "", nil, err
	}
	return net.JoinHostPort("localhost", port), func() { _ = server.Close() }, nil
}

// talk sends a request every half second until both serials changed and five more requests went through.
func talk(ctx context.Context, client *http.Client, url string) error {
	total := summary{Event: "summary"}
	servers, clients := map[string]bool{}, map[string]bool{}
	for total.AfterRenewal < 5 && ctx.Err() == nil {
		seen, err := request(ctx, client, url)
		total.Requests++
		if err != nil {
			total.Failures++
			total.LastFailure = err.Error()
		} else {
			if !servers[seen.ServerSerial] || !clients[seen.ClientSerial] {
				servers[seen.ServerSerial], clients[seen.ClientSerial] = true, true
				if err := emit(seen); err != nil {
					return err
				}
			}
			if len(servers) > 1 && len(clients) > 1 {
				total.AfterRenewal++
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	total.ServerSerials, total.ClientSerials = len(servers), len(clients)
	if err := emit(total); err != nil {
		return err
	}
	if total.Failures > 0 || total.AfterRenewal < 5 {
		return fmt.Errorf("%d of %d requests failed, %d after both renewals: %s",
			total.Failures, total.Requests, total.AfterRenewal, total.LastFailure)
	}
	return nil
}

func request(ctx context.Context, client *http.Client, url string) (*exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var caller peer
	if err := json.Unmarshal(body, &caller); err != nil {
		return nil, err
	}
	server := describe(serverLeaf(resp.TLS))
	return &exchange{
		Event: "exchange", ServerSerial: server.Serial, ServerNames: server.Names, ServerEnd: server.NotAfter,
		ClientSerial: caller.Serial, ClientNames: caller.Names, ClientEnd: caller.NotAfter,
	}, nil
}

func serverLeaf(state *tls.ConnectionState) *x509.Certificate {
	return state.PeerCertificates[0]
}

func describe(leaf *x509.Certificate) peer {
	return peer{Serial: leaf.SerialNumber.String(), Names: leaf.DNSNames, NotAfter: leaf.NotAfter.Format(time.RFC3339)}
}

func emit(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}
