"""A chart with what makes charts hard: a definition, hooks, what is looked up, what is kept."""

from __future__ import annotations

from pathlib import Path

CHART = """apiVersion: v2
name: shop
version: {version}
appVersion: "1"
"""

VALUES = """replicas: 0
color: blue
selector: shop
broken: false
hook: true
"""

DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.example.com}
spec:
  group: shop.example.com
  scope: Namespaced
  names: {plural: carts, singular: cart, kind: Cart, listKind: CartList, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [color]
            properties:
              color: {type: string, enum: [blue, red]}
              size: {type: integer, default: 3, minimum: 1}
              ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name],
                items: {type: object, required: [name], properties: {name: {type: string},
                  port: {type: integer}}}}
            x-kubernetes-validations:
            - {rule: "self.color != 'red' || self.size > 2", message: red ones are large}
"""

_LABELS = "{app.kubernetes.io/instance: {{ .Release.Name }}, helm.sh/chart: shop}"

TEMPLATES = {
    "account.yaml": """apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ .Release.Name }}}
rules: [{apiGroups: [shop.example.com], resources: [carts], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: {{ .Release.Name }}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .Release.Name }}}
subjects: [{kind: ServiceAccount, name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}]
""",
    "config.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config, labels: LABELS}
data:
  color: {{ .Values.color }}
  nodes: {{ len (lookup "v1" "Node" "" "").items | quote }}
  {{- $old := lookup "v1" "Secret" .Release.Namespace (printf "%s-key" .Release.Name) }}
  first: {{ empty $old | quote }}
  served: {{ .Capabilities.APIVersions.Has "shop.example.com/v1/Cart" | quote }}
  version: {{ .Capabilities.KubeVersion.Minor | quote }}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-key, annotations: {helm.sh/resource-policy: keep}}
stringData: {key: {{ .Values.color }}}
""",
    "work.yaml": """apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Values.selector }}}}
  template:
    metadata: {labels: {app: {{ .Values.selector }}}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers:
      - name: main
        image: {{ if .Values.broken }}""{{ else }}"shop:1"{{ end }}
        env: [{name: COLOR, value: {{ .Values.color }}}]
        ports: [{name: http, containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: {{ .Values.selector }}}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: {{ .Release.Name }}}
spec: {minAvailable: 1, selector: {matchLabels: {app: {{ .Values.selector }}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: {{ .Release.Name }}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Release.Name }}}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: {{ .Release.Name }}}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "shop:1"}]}}}}
""",
    "cart.yaml": """apiVersion: shop.example.com/v1
kind: Cart
metadata: {name: {{ .Release.Name }}}
spec: {color: {{ .Values.color }}, ports: [{name: a, port: 1}, {name: {{ .Values.color }}, port: 2}]}
""",
    "hooks.yaml": """{{- if .Values.hook }}
{{- $all := list "pre-install" "post-install" "pre-upgrade" "post-upgrade" "pre-rollback" "post-delete" }}
{{- range $at := $all }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $at }}
  annotations:
    helm.sh/hook: {{ $at }}
    helm.sh/hook-weight: "1"
    helm.sh/hook-delete-policy: {{ hasPrefix "pre" $at | ternary "before-hook-creation" "hook-succeeded" }}
data: {at: {{ $at }}}
{{- end }}
{{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-test, annotations: {helm.sh/hook: test}}
""",
    "NOTES.txt": "{{ .Release.Name }} is {{ .Values.color }} at {{ .Release.Revision }}\n",
}


def write_chart(folder: Path, *, version: str = "0.1.0") -> Path:
    """The chart in the folder."""
    for name in ("templates", "crds"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text(CHART.replace("{version}", version))
    (folder / "values.yaml").write_text(VALUES)
    (folder / "crds" / "carts.yaml").write_text(DEFINITION)
    for name, text in TEMPLATES.items():
        (folder / "templates" / name).write_text(text.replace("LABELS", _LABELS))
    return folder
