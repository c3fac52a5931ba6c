package main

import (
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	namespaces = 20
	nodes      = 500
)

// podAt is the n-th pod of a cluster of `apps` applications: what a Deployment's running pod looks like when
// the controller-manager, the scheduler and the kubelet have each written their part.
func podAt(n, apps int, created time.Time) *corev1.Pod {
	app := fmt.Sprintf("app-%03d", n%apps)
	hash := digest(app)[:10]
	name := fmt.Sprintf("%s-%s-%s", app, hash, digest(fmt.Sprint("pod", n))[:5])
	namespace := fmt.Sprintf("team-%02d", n%namespaces)
	node := fmt.Sprintf("node-%03d.eu-central-1.compute.internal", n%nodes)
	image := fmt.Sprintf("registry.example.com/shop/%s:v1.%d.%d", app, n%apps%20, n%apps%7)
	address := fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	yes, no := true, false
	seconds := int64(30)
	tolerationSeconds := int64(300)
	priority := int32(0)
	preempt := corev1.PreemptLowerPriority
	mode := int32(420)
	expiration := int64(3607)
	user := int64(10001)

	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:              name,
			GenerateName:      app + "-" + hash + "-",
			Namespace:         namespace,
			UID:               types.UID(uuid("pod", n)),
			Generation:        1,
			CreationTimestamp: metav1.NewTime(created),
			Labels: map[string]string{
				"app":                         app,
				"app.kubernetes.io/component": "backend",
				"app.kubernetes.io/part-of":   "shop",
				"pod-template-hash":           hash,
			},
			Annotations: map[string]string{
				"prometheus.io/port":   "9090",
				"prometheus.io/scrape": "true",
				"checksum/config":      digest(app + "config"),
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-" + hash,
				UID: types.UID(uuid(app, 0)), Controller: &yes, BlockOwnerDeletion: &yes,
			}},
			ManagedFields: managedFields(uuid(app, 0), uuid("pod", n), created),
		},
		Spec: corev1.PodSpec{
			Volumes: []corev1.Volume{{
				Name: "config",
				VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: app + "-config"}, DefaultMode: &mode,
				}},
			}, {
				Name: "kube-api-access-" + digest(name)[:5],
				VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					DefaultMode: &mode,
					Sources: []corev1.VolumeProjection{
						{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: &expiration, Path: "token"}},
						{ConfigMap: &corev1.ConfigMapProjection{
							LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
							Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
						}},
					},
				}},
			}},
			Containers: []corev1.Container{{
				Name:  "server",
				Image: image,
				Ports: []corev1.ContainerPort{
					{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP},
					{Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP},
				},
				Env: []corev1.EnvVar{
					{Name: "LOG_LEVEL", Value: "info"},
					{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.podIP"}}},
					{Name: "DATABASE_URL", Value: "postgres://" + app + "@db." + namespace + ".svc:5432/" + app},
				},
				Resources: corev1.ResourceRequirements{
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("512Mi")},
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "config", MountPath: "/etc/" + app, ReadOnly: true},
					{Name: "kube-api-access-" + digest(name)[:5], MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
				},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
						Path: "/healthz", Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP,
					}},
					TimeoutSeconds: 1, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3,
				},
				TerminationMessagePath:   "/dev/termination-log",
				TerminationMessagePolicy: corev1.TerminationMessageReadFile,
				ImagePullPolicy:          corev1.PullIfNotPresent,
			}},
			RestartPolicy:                 corev1.RestartPolicyAlways,
			TerminationGracePeriodSeconds: &seconds,
			DNSPolicy:                     corev1.DNSClusterFirst,
			ServiceAccountName:            app,
			DeprecatedServiceAccount:      app,
			NodeName:                      node,
			SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &user},
			SchedulerName:                 "default-scheduler",
			Tolerations: []corev1.Toleration{
				{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &tolerationSeconds},
				{Key: "node.kubernetes.io/unreachable", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &tolerationSeconds},
			},
			Priority:           &priority,
			EnableServiceLinks: &no,
			PreemptionPolicy:   &preempt,
		},
		Status: corev1.PodStatus{
			Phase:     corev1.PodRunning,
			HostIP:    fmt.Sprintf("192.168.%d.%d", n%nodes>>8, n%nodes&255),
			HostIPs:   []corev1.HostIP{{IP: fmt.Sprintf("192.168.%d.%d", n%nodes>>8, n%nodes&255)}},
			PodIP:     address,
			PodIPs:    []corev1.PodIP{{IP: address}},
			StartTime: &metav1.Time{Time: created},
			QOSClass:  corev1.PodQOSBurstable,
			ContainerStatuses: []corev1.ContainerStatus{{
				Name:        "server",
				State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(created)}},
				Ready:       true,
				Started:     &yes,
				Image:       image,
				ImageID:     "registry.example.com/shop/" + app + "@sha256:" + digest(image),
				ContainerID: "containerd://" + digest(name),
			}},
		},
	}
	for _, condition := range []corev1.PodConditionType{
		"PodReadyToStartContainers", corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: condition, Status: corev1.ConditionTrue, ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(created),
		})
	}
	return pod
}

// changeStatus is the kubelet's write after a container was restarted: readiness, counters, times, and its
// entry in managedFields.
func changeStatus(pod *corev1.Pod, at time.Time) {
	now := metav1.NewTime(at)
	container := &pod.Status.ContainerStatuses[0]
	container.RestartCount++
	container.Ready = !container.Ready
	container.State.Running.StartedAt = now
	status := corev1.ConditionFalse
	if container.Ready {
		status = corev1.ConditionTrue
	}
	for at := range pod.Status.Conditions {
		condition := &pod.Status.Conditions[at]
		if condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady {
			condition.Status, condition.LastTransitionTime = status, now
		}
	}
	pod.ManagedFields[1].Time = &now
}

func managedFields(owner, pod string, created time.Time) []metav1.ManagedFieldsEntry {
	at := metav1.NewTime(created)
	template := fmt.Sprintf(`{"f:metadata":{"f:annotations":{".":{},"f:checksum/config":{},"f:prometheus.io/port":{},`+
		`"f:prometheus.io/scrape":{}},"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:app.kubernetes.io/component":{},`+
		`"f:app.kubernetes.io/part-of":{},"f:pod-template-hash":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"%s\"}":{}}},`+
		`"f:spec":{"f:containers":{"k:{\"name\":\"server\"}":{".":{},"f:env":{".":{},"k:{\"name\":\"DATABASE_URL\"}":`+
		`{".":{},"f:name":{},"f:value":{}},"k:{\"name\":\"LOG_LEVEL\"}":{".":{},"f:name":{},"f:value":{}},`+
		`"k:{\"name\":\"POD_IP\"}":{".":{},"f:name":{},"f:valueFrom":{".":{},"f:fieldRef":{}}}},"f:image":{},`+
		`"f:imagePullPolicy":{},"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{},`+
		`"f:containerPort":{},"f:name":{},"f:protocol":{}},"k:{\"containerPort\":9090,\"protocol\":\"TCP\"}":{".":{},`+
		`"f:containerPort":{},"f:name":{},"f:protocol":{}}},"f:readinessProbe":{".":{},"f:failureThreshold":{},`+
		`"f:httpGet":{".":{},"f:path":{},"f:port":{},"f:scheme":{}},"f:periodSeconds":{},"f:successThreshold":{},`+
		`"f:timeoutSeconds":{}},"f:resources":{".":{},"f:limits":{".":{},"f:memory":{}},"f:requests":{".":{},"f:cpu":{},`+
		`"f:memory":{}}},"f:terminationMessagePath":{},"f:terminationMessagePolicy":{},"f:volumeMounts":{".":{},`+
		`"k:{\"mountPath\":\"/etc/config\"}":{".":{},"f:mountPath":{},"f:name":{},"f:readOnly":{}}}}},`+
		`"f:dnsPolicy":{},"f:enableServiceLinks":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{".":{},`+
		`"f:runAsNonRoot":{},"f:runAsUser":{}},"f:serviceAccount":{},"f:serviceAccountName":{},`+
		`"f:terminationGracePeriodSeconds":{},"f:volumes":{".":{},"k:{\"name\":\"config\"}":{".":{},"f:configMap":{".":{},`+
		`"f:defaultMode":{},"f:name":{}},"f:name":{}}}}}`, owner)
	condition := func(name string) string {
		return fmt.Sprintf(`"k:{\"type\":\"%s\"}":{".":{},"f:lastTransitionTime":{},"f:observedGeneration":{},"f:status":{},"f:type":{}}`, name)
	}
	status := `{"f:status":{"f:conditions":{` + condition("ContainersReady") + "," + condition("Initialized") + "," +
		condition("Ready") + `},"f:containerStatuses":{},"f:hostIP":{},"f:hostIPs":{},"f:phase":{},"f:podIP":{},` +
		`"f:podIPs":{".":{},"k:{\"ip\":\"10.0.0.1\"}":{".":{},"f:ip":{}}},"f:startTime":{}}}`
	return []metav1.ManagedFieldsEntry{{
		Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1",
		Time: &at, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(template)},
	}, {
		Manager: "kubelet", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Subresource: "status",
		Time: &at, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(status)},
	}}
}

// digest is 64 hexadecimal digits that depend on nothing but the text.
func digest(text string) string {
	result := ""
	for part := range 4 {
		hash := fnv.New64a()
		fmt.Fprint(hash, part, text, part)
		result += fmt.Sprintf("%016x", hash.Sum64()*0x9e3779b97f4a7c15)
	}
	return result
}

func uuid(text string, n int) string {
	d := digest(fmt.Sprint(text, n))
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", d[0:8], d[8:12], d[13:16], d[17:20], d[20:32])
}
