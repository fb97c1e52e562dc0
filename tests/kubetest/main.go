// Command kubetest is a Kubernetes control plane for tests: etcd and kube-apiserver in one process, and a few
// kube-controller-manager controllers in a child process. It listens on a loopback port, writes DIR/kubeconfig,
// prints "READY FILE" once it serves, and runs until a signal or, with -until-eof, until its input is closed.
// Started again with the same -dir it comes back on the same port, with the same objects and credentials.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const defaultControllers = "namespace-controller,garbage-collector-controller,serviceaccount-controller"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "controllers" { // the child, see runControllers
		run(controllers.NewControllerManagerCommand(), os.Args[2:]...)
		return
	}
	dir := flag.String("dir", "", "state directory, a short path (default: a new temporary one, removed at the end)")
	names := flag.String("controllers", defaultControllers, "kube-controller-manager controllers to run; empty for none")
	untilEOF := flag.Bool("until-eof", false, "end when standard input is closed, so as not to outlive the parent")
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
		if *names != "" {
			runControllers(filepath.Join(*dir, "kubeconfig"), *names)
		}
	}()
	waitForEnd(*untilEOF)
}

// waitForEnd ends the program without kube-apiserver's own shutdown, which waits a minute for open watches.
func waitForEnd(untilEOF bool) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	if untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			end <- syscall.SIGTERM
		}()
	}
	<-end
}

// runControllers needs a process of its own: both components register global flags and signal handlers.
func runControllers(kubeconfig, names string) {
	runtime.LockOSThread() // Pdeathsig kills the child when the thread that started it ends
	child := exec.Command(must(os.Executable()), "controllers", "--kubeconfig="+kubeconfig, "--controllers="+names,
		"--leader-elect=false", "--secure-port=0")
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log.Print("controllers ended: ", child.Run())
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
