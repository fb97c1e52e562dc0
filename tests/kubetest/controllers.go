package main

import (
	"context"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	workers     = 5
	gcPeriod    = 2 * time.Second // how soon the garbage collector sees a new custom resource; 30 s in a real cluster
	firstGCSync = 30 * time.Second
)

// startControllers starts the three controllers that tests rely on: namespaces are emptied and removed, a namespace gets
// its service account, and objects without an owner go. Only these packages are linked, not all of
// kube-controller-manager, which would add an eighth to the build.
func startControllers(dir string) {
	config := must(clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig")))
	config.QPS, config.Burst = 400, 1000
	client := must(kubernetes.NewForConfig(rest.AddUserAgent(config, "controllers")))
	objects := must(metadata.NewForConfig(config))
	ctx := context.Background() // they end with the process
	typed, untyped := informers.NewSharedInformerFactory(client, 0), metadatainformer.NewSharedInformerFactory(objects, 0)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	started := make(chan struct{})

	namespaces := namespace.NewNamespaceController(ctx, client, objects, client.Discovery().ServerPreferredNamespacedResources,
		typed.Core().V1().Namespaces(), time.Minute, v1.FinalizerKubernetes)
	accounts := must(serviceaccount.NewServiceAccountsController(klog.Background(), typed.Core().V1().ServiceAccounts(),
		typed.Core().V1().Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions()))
	garbage := must(garbagecollector.NewGarbageCollector(ctx, client, objects, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(typed, untyped), started))

	typed.Start(ctx.Done())
	untyped.Start(ctx.Done())
	close(started)
	go namespaces.Run(ctx, workers)
	go accounts.Run(ctx, workers)
	go garbage.Run(ctx, workers, firstGCSync)
	go garbage.Sync(ctx, client.Discovery(), gcPeriod)
}
