{{/*
Custom resource definitions are templates in this folder, each within `if .Values.crds.enabled` and with these annotations:
Helm never upgrades what lies in a chart's crds/.
*/}}
{{- define "reelmesh.crdAnnotations" -}}
{{- if .Values.crds.keep -}}
helm.sh/resource-policy: keep
{{- end -}}
{{- end -}}
