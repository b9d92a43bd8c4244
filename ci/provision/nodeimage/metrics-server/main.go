// Command metrics-server is the metrics-server of sigs.k8s.io on the libraries of
// the Kubernetes that the node image runs: its own main is written against older
// ones, and a second set of them would take minutes to compile. The flags are those
// of its manifests.
package main

import (
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/metrics-server/pkg/api"
	generatedopenapi "sigs.k8s.io/metrics-server/pkg/api/generated/openapi"
	"sigs.k8s.io/metrics-server/pkg/scraper/client"
	"sigs.k8s.io/metrics-server/pkg/server"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "metrics-server:", err)
		os.Exit(1)
	}
}

// flags are what the command line says.
type flags struct {
	serving        *genericoptions.SecureServingOptionsWithLoopback
	authentication *genericoptions.DelegatingAuthenticationOptions
	authorization  *genericoptions.DelegatingAuthorizationOptions

	resolution, timeout time.Duration
	selector            string
	insecure, nodePort  bool
	port                int
	addresses           []string
	authority           string
}

func parse(args []string) (*flags, error) {
	f := &flags{
		serving:        genericoptions.NewSecureServingOptions().WithLoopback(),
		authentication: genericoptions.NewDelegatingAuthenticationOptions(),
		authorization:  genericoptions.NewDelegatingAuthorizationOptions(),
	}
	set := pflag.NewFlagSet("metrics-server", pflag.ContinueOnError)
	set.DurationVar(&f.resolution, "metric-resolution", time.Minute, "how often the kubelets are asked; at least 10s")
	set.DurationVar(&f.timeout, "kubelet-request-timeout", 10*time.Second, "how long one kubelet may take")
	set.StringVar(&f.selector, "node-selector", "", "labels of the nodes to ask; all")
	set.BoolVar(&f.insecure, "kubelet-insecure-tls", false, "do not verify the kubelets' certificates")
	set.BoolVar(&f.nodePort, "kubelet-use-node-status-port", false, "take the port from the node's status")
	set.IntVar(&f.port, "kubelet-port", 10250, "port of the kubelets")
	set.StringSliceVar(&f.addresses, "kubelet-preferred-address-types", []string{"InternalIP", "ExternalIP", "Hostname"}, "addresses of a node, the best first")
	set.StringVar(&f.authority, "kubelet-certificate-authority", "", "file of the authority of the kubelets' certificates")
	f.serving.AddFlags(set)
	f.authentication.AddFlags(set)
	f.authorization.AddFlags(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if f.resolution < 10*time.Second || f.resolution*9/10 < f.timeout {
		return nil, fmt.Errorf("--metric-resolution %s: at least 10s, and more than --kubelet-request-timeout %s", f.resolution, f.timeout)
	}
	return f, nil
}

func run(args []string) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	apiserver, err := f.apiserver()
	if err != nil {
		return err
	}
	cluster, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	cluster.ContentType = "application/vnd.kubernetes.protobuf"
	if err := rest.SetKubernetesDefaults(cluster); err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	config := server.Config{
		Apiserver:        apiserver,
		Rest:             cluster,
		Kubelet:          f.kubelets(cluster),
		MetricResolution: f.resolution,
		ScrapeTimeout:    f.timeout,
		NodeSelector:     f.selector,
	}
	s, err := config.Complete()
	if err != nil {
		return err
	}
	return s.RunUntil(genericapiserver.SetupSignalHandler())
}

// apiserver is what the cluster's API server forwards metrics.k8s.io to.
func (f *flags) apiserver() (*genericapiserver.Config, error) {
	if err := f.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	c := genericapiserver.NewConfig(api.Codecs)
	if err := f.serving.ApplyTo(&c.SecureServing, &c.LoopbackClientConfig); err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if err := f.authentication.ApplyTo(&c.Authentication, c.SecureServing, nil); err != nil {
		return nil, fmt.Errorf("authentication: %w", err)
	}
	if err := f.authorization.ApplyTo(&c.Authorization); err != nil {
		return nil, fmt.Errorf("authorization: %w", err)
	}
	c.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	namer := openapinamer.NewDefinitionNamer(api.Scheme)
	c.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
	c.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
	c.OpenAPIConfig.Info.Title, c.OpenAPIV3Config.Info.Title = "Kubernetes metrics-server", "Kubernetes metrics-server"
	c.OpenAPIConfig.Info.Version, c.OpenAPIV3Config.Info.Version = "v1beta1", "v1beta1"
	return c, nil
}

// kubelets says how they are reached: with the credentials for the cluster.
func (f *flags) kubelets(cluster *rest.Config) *client.KubeletClientConfig {
	k := &client.KubeletClientConfig{
		Scheme:            "https",
		DefaultPort:       f.port,
		UseNodeStatusPort: f.nodePort,
		Client:            *rest.CopyConfig(cluster),
	}
	for _, a := range f.addresses {
		k.AddressTypePriority = append(k.AddressTypePriority, corev1.NodeAddressType(a))
	}
	switch {
	case f.insecure:
		k.Client.TLSClientConfig.Insecure = true
		k.Client.TLSClientConfig.CAData, k.Client.TLSClientConfig.CAFile = nil, ""
	case f.authority != "":
		k.Client.TLSClientConfig.CAData, k.Client.TLSClientConfig.CAFile = nil, f.authority
	}
	return k
}
