package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"

	"k8s.io/client-go/util/cert"
)

// identity is what must stay the same when a server is started again on an old state directory: clients
// keep their kubeconfig, and service account tokens signed before the restart stay valid after it.
type identity struct {
	Port        int
	Token       string // of the administrator
	Certificate []byte // PEM, self-signed
	Key         []byte // PEM; signs service account tokens too
}

const identityFile = "identity.json"

// openState reads the identity kept in dir, or makes one, and writes the files that the servers read.
func openState(dir string) identity {
	var id identity
	data, err := os.ReadFile(filepath.Join(dir, identityFile))
	switch {
	case err == nil:
		must(0, json.Unmarshal(data, &id))
	case errors.Is(err, fs.ErrNotExist):
		id = newIdentity()
		writeState(dir, identityFile, must(json.Marshal(id)))
	default:
		must(0, err)
	}
	writeState(dir, "server.crt", id.Certificate)
	writeState(dir, "server.key", id.Key)
	writeState(dir, "tokens.csv", fmt.Appendf(nil, "%s,admin,admin,system:masters\n", id.Token))
	writeState(dir, "kubeconfig", kubeconfig(id))
	return id
}

func newIdentity() identity {
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	must(0, err)
	return identity{Port: freePort(), Token: rand.Text(), Certificate: certificate, Key: key}
}

func (id identity) url() string { return fmt.Sprintf("https://127.0.0.1:%d", id.Port) }

// kubeconfig is written as JSON, which is YAML too, so that a reader needs no YAML parser.
func kubeconfig(id identity) []byte {
	type object = map[string]any
	return must(json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []object{{"name": "test", "cluster": object{
			"server": id.url(), "certificate-authority-data": id.Certificate}}},
		"users":    []object{{"name": "admin", "user": object{"token": id.Token}}},
		"contexts": []object{{"name": "test", "context": object{"cluster": "test", "user": "admin"}}},
	}, "", "  "))
}

func writeState(dir, name string, data []byte) {
	must(0, os.WriteFile(filepath.Join(dir, name), data, 0o600))
}

// freePort picks a loopback port below the range that Linux hands out to outgoing connections (32768 and up):
// no client's connection can take the port while the server is down between a stop and a start.
func freePort() int {
	const first, count = 20000, 12000
	for range 100 {
		port := first + int(must(rand.Int(rand.Reader, big.NewInt(count))).Int64())
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			must(0, listener.Close())
			return port
		}
	}
	panic("no free port between 20000 and 31999 in 100 tries")
}
