// Command kubetest is a Kubernetes control plane for tests: etcd, kube-apiserver and three controllers of
// kube-controller-manager in one process. It listens on a loopback port, writes DIR/kubeconfig, prints "READY FILE"
// once it serves, and runs until a signal or, with -owned, until its parent is gone.
// Started again with the same -dir it comes back on the same port, with the same objects and credentials.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	dir := flag.String("dir", "", "state directory, a short path (default: a new temporary one, removed at the end)")
	owned := flag.Bool("owned", false, "the parent holds standard input open: when that closes, remove the state and end")
	flag.Parse() // what is left over are further kube-apiserver flags
	if *dir == "" {
		*dir = must(os.MkdirTemp("", "kubetest-"))
		defer os.RemoveAll(*dir)
	}
	id := openState(*dir)
	startEtcd(*dir)
	go runAPIServer(*dir, id, flag.Args())
	go func() {
		waitReady(id)
		fmt.Println("READY", filepath.Join(*dir, "kubeconfig"))
		startControllers(*dir)
	}()
	if parentGone := waitForEnd(*owned); parentGone {
		must(0, os.RemoveAll(*dir)) // nobody can start it again
	}
}

// waitForEnd returns at a signal, or when the parent that owns this process is gone, and tells which. After it the
// program ends without kube-apiserver's own shutdown, which waits a minute for open watches.
func waitForEnd(owned bool) (parentGone bool) {
	signals, closed := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if owned {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	select {
	case <-signals:
		return false
	case <-closed:
		return true
	}
}

func run(command *cobra.Command, arguments ...string) {
	command.SetArgs(arguments)
	must(0, command.Execute())
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
