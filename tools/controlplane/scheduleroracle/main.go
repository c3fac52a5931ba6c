// Command scheduleroracle says what kube-scheduler's own plugins decide.
//
// It reads one cluster a line from the standard input and writes one verdict a line:
//
//	{"pod": Pod, "objects": [Node, Pod, Namespace, PersistentVolumeClaim, ResourceSlice, …]}
//	{"rejected": {node: {plugin, reasons}}, "scores": {node: {plugin: score}}, "totals": {node: score},
//	 "preFilter": "…", "message": "…", "nominated": node, "victims": [namespace/name],
//	 "node": chosen, "binding": "error of reserve or preBind", "writes": [{verb, resource, subresource, object}]}
//
// The plugins are those of the default profile with their default arguments, and every node is looked at.
// When no node can take the pod, preemption is asked as well. Where some can, the pod is reserved on the best
// one (of several the first by name), and what preBind writes is told; what it would wait for is not waited for.
//
//	scheduleroracle profile     the default profile: plugins, weights, arguments, feature gates
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	"k8s.io/dynamic-resource-allocation/deviceclass/extendedresourcecache"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/dynamic-resource-allocation/structured"
	"k8s.io/klog/v2"
	configv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	schedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

type question struct {
	Pod     v1.Pod            `json:"pod"`
	Objects []json.RawMessage `json:"objects"`
}

type rejection struct {
	Plugin  string   `json:"plugin"`
	Reasons []string `json:"reasons"`
	Code    string   `json:"code"`
}

type verdict struct {
	Error     string                      `json:"error,omitempty"`
	PreFilter string                      `json:"preFilter,omitempty"`
	Rejected  map[string]rejection        `json:"rejected"`
	Scores    map[string]map[string]int64 `json:"scores"`
	Totals    map[string]int64            `json:"totals"`
	Message   string                      `json:"message,omitempty"`
	Nominated string                      `json:"nominated,omitempty"`
	Victims   []string                    `json:"victims,omitempty"`
	Node      string                      `json:"node,omitempty"`
	Binding   string                      `json:"binding,omitempty"`
	Writes    []write                     `json:"writes,omitempty"`
}

// write is one request that changes something.
type write struct {
	Verb        string `json:"verb"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Object      any    `json:"object"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "profile" {
		printProfile()
		return
	}
	// What preemption does has to be done when it answers.
	for _, gate := range []string{"SchedulerAsyncPreemption=false", "SchedulerAsyncAPICalls=false"} {
		if err := utilfeature.DefaultMutableFeatureGate.Set(gate); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	klog.SetOutput(os.Stderr)
	metrics.Register()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			_ = out.Encode(answer(line))
		}
		if err != nil {
			return
		}
	}
}

func answer(line []byte) (result verdict) {
	defer func() {
		if caught := recover(); caught != nil {
			result.Error = fmt.Sprint(caught)
		}
	}()
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return verdict{Error: err.Error()}
	}
	if err := decide(&asked, &result); err != nil {
		result.Error = err.Error()
	}
	return result
}

func profile() schedulerconfig.KubeSchedulerProfile {
	var versioned configv1.KubeSchedulerConfiguration
	scheme.Scheme.Default(&versioned)
	var config schedulerconfig.KubeSchedulerConfiguration
	if err := scheme.Scheme.Convert(&versioned, &config, nil); err != nil {
		panic(err)
	}
	return config.Profiles[0]
}

// printProfile writes the plugins of the default profile in their order, with weights and arguments.
func printProfile() {
	type plugin struct {
		Name   string `json:"name"`
		Weight int32  `json:"weight,omitempty"`
	}
	found := profile()
	var listed []plugin
	for _, each := range found.Plugins.MultiPoint.Enabled {
		listed = append(listed, plugin{each.Name, each.Weight})
	}
	arguments := map[string]any{}
	for _, each := range found.PluginConfig {
		arguments[each.Name] = each.Args
	}
	gates := map[string]bool{}
	enabled := reflect.ValueOf(feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	for number := range enabled.NumField() {
		gates[strings.TrimPrefix(enabled.Type().Field(number).Name, "Enable")] = enabled.Field(number).Bool()
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(map[string]any{"plugins": listed, "arguments": arguments, "gates": gates})
}

func decide(asked *question, result *verdict) error {
	logger := klog.Background()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	decoder := clientscheme.Codecs.UniversalDeserializer()
	var objects []runtime.Object
	var nodes []*v1.Node
	var pods []*v1.Pod
	for _, raw := range asked.Objects {
		object, _, err := decoder.Decode(raw, nil, nil)
		if err != nil {
			return err
		}
		objects = append(objects, object)
		switch each := object.(type) {
		case *v1.Node:
			nodes = append(nodes, each)
		case *v1.Pod:
			pods = append(pods, each)
		}
	}
	pod := &asked.Pod
	objects = append(objects, pod)
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	manager, err := draManager(ctx, logger, client, factory)
	if err != nil {
		return err
	}
	bound := make([]*v1.Pod, 0, len(pods))
	nominator := &nominations{}
	for _, each := range pods {
		if each.Spec.NodeName != "" {
			bound = append(bound, each)
		} else if each.Status.NominatedNodeName != "" {
			nominator.add(each)
		}
	}
	snapshot := internalcache.NewSnapshot(bound, nodes)
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	chosen := profile()
	scheduler, err := frameworkruntime.NewFramework(ctx, plugins.NewInTreeRegistry(), &chosen,
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(factory),
		frameworkruntime.WithSharedDRAManager(manager),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(factory.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithSnapshotSharedLister(snapshot),
		frameworkruntime.WithEventRecorder(broadcaster.NewRecorder(clientscheme.Scheme, "default-scheduler")),
		frameworkruntime.WithPodNominator(nominator),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()),
		frameworkruntime.WithPodsInPreBind(frameworkruntime.NewPodsInPreBindMap()),
		frameworkruntime.WithMetricsRecorder(metrics.NewMetricsAsyncRecorder(1, time.Hour, ctx.Done())),
	)
	if err != nil {
		return err
	}
	defer scheduler.Close()
	factory.Core().V1().Nodes().Informer()
	factory.Core().V1().Pods().Informer()
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("no cache of %v", kind)
		}
	}
	if err := settle(ctx, manager, objects); err != nil {
		return err
	}
	client.ClearActions()
	return run(ctx, scheduler, snapshot, client, pod, result)
}

// settle waits until all that is known of devices has gone through the caches that stand behind the informers.
func settle(ctx context.Context, manager fwk.SharedDRAManager, objects []runtime.Object) error {
	claims, slices := 0, 0
	var classes []string
	devices, shares := sets.New[structured.DeviceID](), 0
	for _, object := range objects {
		switch each := object.(type) {
		case *resourcev1.ResourceSlice:
			slices++
		case *resourcev1.DeviceClass:
			classes = append(classes, each.Name)
		case *resourcev1.ResourceClaim:
			claims++
			if each.Status.Allocation == nil {
				continue
			}
			for _, result := range each.Status.Allocation.Devices.Results {
				if result.AdminAccess != nil && *result.AdminAccess {
					continue
				}
				if result.ShareID != nil {
					shares++
					continue
				}
				devices.Insert(structured.MakeDeviceID(result.Driver, result.Pool, result.Device))
			}
		}
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Microsecond, 30*time.Second, true, func(context.Context) (bool, error) {
		knownClaims, err := manager.ResourceClaims().List()
		if err != nil || len(knownClaims) != claims {
			return false, err
		}
		knownSlices, err := manager.ResourceSlices().ListWithDeviceTaintRules()
		if err != nil || len(knownSlices) != slices {
			return false, err
		}
		for _, class := range classes {
			if manager.DeviceClassResolver().GetDeviceClass(v1.ResourceName(resourcev1.ResourceDeviceClassPrefix+class)) == nil {
				return false, nil
			}
		}
		state, err := manager.ResourceClaims().GatherAllocatedState()
		if err != nil {
			return false, nil
		}
		return state.AllocatedDevices.Equal(devices) && state.AllocatedSharedDeviceIDs.Len() == shares, nil
	})
}

func run(ctx context.Context, scheduler framework.Framework, snapshot *internalcache.Snapshot, client *fake.Clientset, pod *v1.Pod, result *verdict) error {
	result.Rejected = map[string]rejection{}
	state := framework.NewCycleState()
	all, err := snapshot.NodeInfos().List()
	if err != nil {
		return err
	}
	// The first error ends the decision: which one it is should not be chance.
	sort.Slice(all, func(i, j int) bool { return all[i].Node().Name < all[j].Node().Name })
	statuses := framework.NewDefaultNodeToStatus()
	diagnosis := framework.Diagnosis{NodeToStatus: statuses}
	preselected, status, narrowedBy := scheduler.RunPreFilterPlugins(ctx, state, pod)
	var feasible []fwk.NodeInfo
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return status.AsError()
		}
		result.PreFilter = status.Message()
		statuses.SetAbsentNodesStatus(status)
		diagnosis.PreFilterMsg = status.Message()
		for _, node := range all {
			result.Rejected[node.Node().Name] = rejection{status.Plugin(), status.Reasons(), status.Code().String()}
		}
	} else {
		excluded := ""
		if !preselected.AllNodes() {
			excluded = fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sets.List(narrowedBy))
			statuses.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable, excluded))
		}
		for _, node := range all {
			name := node.Node().Name
			if !preselected.AllNodes() && !preselected.NodeNames.Has(name) {
				result.Rejected[name] = rejection{sets.List(narrowedBy)[0], []string{excluded}, fwk.UnschedulableAndUnresolvable.String()}
				continue
			}
			status := scheduler.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
			if status.IsSuccess() {
				feasible = append(feasible, node)
				continue
			}
			if status.Code() == fwk.Error {
				return status.AsError()
			}
			statuses.Set(name, status)
			diagnosis.AddPluginStatus(status)
			result.Rejected[name] = rejection{status.Plugin(), status.Reasons(), status.Code().String()}
		}
	}
	if len(feasible) == 0 {
		fit := framework.FitError{Pod: pod, NumAllNodes: len(all), Diagnosis: diagnosis}
		if len(all) > 0 {
			// An error too is told in the message, and nothing else comes of it.
			found, status := scheduler.RunPostFilterPlugins(ctx, state, pod, statuses)
			fit.Diagnosis.PostFilterMsg = status.Message()
			if found != nil && found.NominatingInfo != nil {
				result.Nominated = found.NominatedNodeName
			}
			result.Victims = deletedPods(client)
			result.Writes = writes(client, "resourceclaims")
		}
		result.Message = fit.Error()
		return nil
	}
	result.Scores = map[string]map[string]int64{}
	result.Totals = map[string]int64{}
	if status := scheduler.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		return status.AsError()
	}
	scored, status := scheduler.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return status.AsError()
	}
	for _, node := range scored {
		result.Totals[node.Name] = node.TotalScore
		result.Scores[node.Name] = map[string]int64{}
		for _, each := range node.Scores {
			result.Scores[node.Name][each.Name] = each.Score
		}
	}
	bind(ctx, scheduler, client, state, pod, result)
	return nil
}

// bind reserves the pod on the best node and writes what has to be written before it is bound there.
func bind(ctx context.Context, scheduler framework.Framework, client *fake.Clientset, state fwk.CycleState, pod *v1.Pod, result *verdict) {
	for name, total := range result.Totals {
		best := result.Totals[result.Node]
		if result.Node == "" || total > best || total == best && name < result.Node {
			result.Node = name
		}
	}
	assumed := pod.DeepCopy()
	assumed.Spec.NodeName = result.Node
	if status := scheduler.RunReservePluginsReserve(ctx, state, assumed, result.Node); !status.IsSuccess() {
		result.Binding = status.Message()
		return
	}
	// With a context that is over, everything is written and nothing is waited for.
	over, cancel := context.WithCancel(ctx)
	cancel()
	status := scheduler.RunPreBindPlugins(over, state, assumed, result.Node)
	if !status.IsSuccess() && !errors.Is(status.AsError(), context.Canceled) {
		result.Binding = status.Message()
	}
	result.Writes = writes(client, "")
}

func writes(client *fake.Clientset, resource string) []write {
	var found []write
	for _, action := range client.Actions() {
		// A creation has GetObject too.
		kind := action.GetResource().Resource
		if kind == "events" || resource != "" && kind != resource {
			continue
		}
		var object any
		switch change := action.(type) {
		case clienttesting.UpdateAction:
			object = change.GetObject()
		case clienttesting.PatchAction:
			object = json.RawMessage(change.GetPatch())
		default:
			continue
		}
		found = append(found, write{action.GetVerb(), kind, action.GetSubresource(), object})
	}
	return found
}

func deletedPods(client *fake.Clientset) []string {
	var victims []string
	for _, action := range client.Actions() {
		deletion, ok := action.(clienttesting.DeleteAction)
		if ok && action.GetResource().Resource == "pods" {
			victims = append(victims, deletion.GetNamespace()+"/"+deletion.GetName())
		}
	}
	sort.Strings(victims)
	return victims
}

func draManager(ctx context.Context, logger klog.Logger, client *fake.Clientset, factory informers.SharedInformerFactory) (fwk.SharedDRAManager, error) {
	claims := assumecache.NewAssumeCache(logger, factory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
	options := tracker.Options{
		EnableDeviceTaintRules:   utilfeature.DefaultFeatureGate.Enabled(features.DRADeviceTaintRules),
		EnableConsumableCapacity: utilfeature.DefaultFeatureGate.Enabled(features.DRAConsumableCapacity),
		SliceInformer:            factory.Resource().V1().ResourceSlices(),
		KubeClient:               client,
	}
	if options.EnableDeviceTaintRules {
		options.TaintInformer = factory.Resource().V1beta2().DeviceTaintRules()
		options.ClassInformer = factory.Resource().V1().DeviceClasses()
	}
	slices, err := tracker.StartTracker(ctx, options)
	if err != nil {
		return nil, err
	}
	manager := dynamicresources.NewDRAManager(ctx, claims, slices, factory)
	if resolver, ok := manager.DeviceClassResolver().(*extendedresourcecache.ExtendedResourceCache); ok && resolver != nil {
		if _, err := factory.Resource().V1().DeviceClasses().Informer().AddEventHandler(resolver); err != nil {
			return nil, err
		}
	}
	return manager, nil
}

// nominations is a nominator of pods that were given a node by an earlier preemption.
type nominations struct {
	mutex  sync.Mutex
	byNode map[string][]fwk.PodInfo
}

func (n *nominations) add(pod *v1.Pod) {
	if n.byNode == nil {
		n.byNode = map[string][]fwk.PodInfo{}
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		panic(err)
	}
	node := pod.Status.NominatedNodeName
	n.byNode[node] = append(n.byNode[node], info)
}

func (n *nominations) AddNominatedPod(klog.Logger, fwk.PodInfo, *fwk.NominatingInfo) {}
func (n *nominations) DeleteNominatedPodIfExists(*v1.Pod)                            {}
func (n *nominations) UpdateNominatedPod(klog.Logger, *v1.Pod, fwk.PodInfo)          {}
func (n *nominations) NominatedPodsForNode(nodeName string) []fwk.PodInfo {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return append([]fwk.PodInfo(nil), n.byNode[nodeName]...)
}
