package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func startEtcd(dir string) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true // a lost disk loses a test run, nothing else
	config.ListenPeerUrls = nil // a single member has no peers
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(dir, "etcd.sock")}}
	<-must(embed.StartEtcd(config)).Server.ReadyNotify()
}

func runAPIServer(dir string, id identity, more []string) {
	run(apiserver.NewAPIServerCommand(), append(apiServerFlags(dir, id), more...)...)
}

func apiServerFlags(dir string, id identity) []string {
	file := func(name string) string { return filepath.Join(dir, name) }
	return []string{
		"--etcd-servers=unix://" + file("etcd.sock"),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", id.Port),
		"--endpoint-reconciler-type=none", // a loopback address is no valid endpoint
		"--tls-cert-file=" + file("server.crt"), "--tls-private-key-file=" + file("server.key"),
		"--service-account-issuer=" + id.url(), "--service-account-key-file=" + file("server.crt"),
		"--service-account-signing-key-file=" + file("server.key"),
		"--token-auth-file=" + file("tokens.csv"), "--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24", "--enable-priority-and-fairness=false",
	}
}

// waitReady returns once /readyz answers 200; the parent decides how long that may take.
func waitReady(id identity) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(id.Certificate)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 5 * time.Second}
	request := must(http.NewRequest(http.MethodGet, id.url()+"/readyz", nil))
	request.Header.Set("Authorization", "Bearer "+id.Token)
	for ; ; time.Sleep(50 * time.Millisecond) {
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
}
