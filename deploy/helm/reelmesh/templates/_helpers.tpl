{{/* Beginning of all names. */}}
{{- define "reelmesh.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 30 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the Pods of the release are chosen. They never change. */}}
{{- define "reelmesh.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of everything. */}}
{{- define "reelmesh.labels" -}}
{{ include "reelmesh.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "reelmesh.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The services that run, as YAML by name: their own block over the defaults. */}}
{{- define "reelmesh.services" -}}
{{- $found := dict -}}
{{- range $name, $own := .Values.services -}}
{{- $service := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy (default dict $own)) -}}
{{- if $service.enabled -}}
{{- $_ := set $service "package" (default (printf "reelmesh_%s" ($name | replace "-" "_")) $service.package) -}}
{{- $_ := set $found $name $service -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* Name of a service's account. Takes {root, name, service}. */}}
{{- define "reelmesh.account" -}}
{{- $made := printf "%s-%s" (include "reelmesh.fullname" .root) .name -}}
{{- if .service.serviceAccount.create -}}
{{- default $made .service.serviceAccount.name -}}
{{- else -}}
{{- default "default" .service.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "reelmesh.accountsConfigMap" -}}
{{- if .Values.accounts.existingConfigMap -}}
{{- .Values.accounts.existingConfigMap -}}
{{- else if .Values.accounts.list -}}
{{- include "reelmesh.fullname" . }}-accounts
{{- end -}}
{{- end -}}

{{/* How the HTTP API is called. */}}
{{- define "reelmesh.httpScheme" -}}
{{- ternary "https" "http" (and (ne .Values.tls.public.existingSecret "") .Values.tls.public.http) -}}
{{- end -}}

{{- define "reelmesh.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ .name }}
    key: {{ .key }}
{{- end -}}

{{/* Variables that say where a thing is which the mesh uses; takes {root, uses}. */}}
{{- define "reelmesh.usesEnv" -}}
{{- $values := .root.Values -}}
{{- $full := include "reelmesh.fullname" .root -}}
{{- if has "nats" .uses }}
- name: REELMESH_NATS_URL
  {{- if $values.embedded.nats.enabled }}
  value: nats://{{ $full }}-nats.{{ .root.Release.Namespace }}.svc.{{ $values.clusterDomain }}:4222
  {{- else if $values.nats.existingSecret }}
  {{- include "reelmesh.fromSecret" (dict "name" $values.nats.existingSecret "key" $values.nats.urlKey) | nindent 2 }}
  {{- else }}
  value: {{ $values.nats.url | quote }}
  {{- end }}
{{- if not $values.embedded.nats.enabled }}
{{- if $values.nats.user.existingSecret }}
- name: REELMESH_NATS_USER
  {{- include "reelmesh.fromSecret" (dict "name" $values.nats.user.existingSecret "key" $values.nats.user.userKey) | nindent 2 }}
- name: REELMESH_NATS_PASSWORD
  {{- include "reelmesh.fromSecret" (dict "name" $values.nats.user.existingSecret "key" $values.nats.user.passwordKey) | nindent 2 }}
{{- end }}
{{- if $values.nats.credentials.existingSecret }}
- name: REELMESH_NATS_CREDENTIALS_FILE
  value: /etc/reelmesh/nats/mesh.creds
{{- end }}
{{- if $values.nats.nkey.existingSecret }}
- name: REELMESH_NATS_NKEY_FILE
  value: /etc/reelmesh/nats/mesh.nk
{{- end }}
{{- if $values.nats.tls.existingSecret }}
- name: REELMESH_NATS_CA_FILE
  value: /etc/reelmesh/nats-tls/ca.crt
{{- if $values.nats.tls.certificate }}
- name: REELMESH_NATS_CERTIFICATE_FILE
  value: /etc/reelmesh/nats-tls/tls.crt
- name: REELMESH_NATS_KEY_FILE
  value: /etc/reelmesh/nats-tls/tls.key
{{- end }}
{{- end }}
{{- if $values.nats.tls.first }}
- name: REELMESH_NATS_TLS_FIRST
  value: "true"
{{- end }}
{{- end }}
{{- end }}
{{- if has "postgresql" .uses }}
- name: REELMESH_DATABASE_URL
  {{- if $values.embedded.postgresql.enabled }}
  {{- include "reelmesh.fromSecret" (dict "name" (printf "%s-embedded" $full) "key" "database-url") | nindent 2 }}
  {{- else }}
  {{- include "reelmesh.fromSecret" (dict "name" $values.postgresql.existingSecret "key" $values.postgresql.urlKey) | nindent 2 }}
  {{- end }}
{{- end }}
{{- if has "s3" .uses }}
- name: REELMESH_STORAGE_BACKEND
  value: s3
- name: REELMESH_S3_BUCKET
  value: {{ ternary "reelmesh" $values.s3.bucket $values.embedded.s3.enabled | quote }}
- name: REELMESH_S3_REGION
  value: {{ $values.s3.region | quote }}
{{- if $values.embedded.s3.enabled }}
- name: REELMESH_S3_ENDPOINT
  value: http://{{ $full }}-s3.{{ .root.Release.Namespace }}.svc.{{ $values.clusterDomain }}:7070
{{- else if $values.s3.endpoint }}
- name: REELMESH_S3_ENDPOINT
  value: {{ $values.s3.endpoint | quote }}
{{- end }}
{{- with $values.s3.prefix }}
- name: REELMESH_S3_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" $values.s3.pathStyle) }}
- name: REELMESH_S3_PATH_STYLE
  value: {{ $values.s3.pathStyle | quote }}
{{- end }}
{{- if $values.s3.encryption }}
- name: REELMESH_S3_ENCRYPTION
  value: "true"
{{- end }}
{{- with $values.s3.cdnUrl }}
- name: REELMESH_CDN_URL
  value: {{ . | quote }}
{{- end }}
{{- $secret := ternary (printf "%s-embedded" $full) $values.s3.existingSecret $values.embedded.s3.enabled }}
{{- if $secret }}
- name: REELMESH_S3_ACCESS_KEY_ID
  {{- include "reelmesh.fromSecret" (dict "name" $secret "key" (ternary "s3-access-key-id" $values.s3.accessKeyIdKey $values.embedded.s3.enabled)) | nindent 2 }}
- name: REELMESH_S3_SECRET_ACCESS_KEY
  {{- include "reelmesh.fromSecret" (dict "name" $secret "key" (ternary "s3-secret-access-key" $values.s3.secretAccessKeyKey $values.embedded.s3.enabled)) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* All variables of a service; takes {root, name, service, services}. */}}
{{- define "reelmesh.env" -}}
{{- $values := .root.Values -}}
{{- $full := include "reelmesh.fullname" .root -}}
{{- $service := .service -}}
- name: REELMESH_HOST
  value: 0.0.0.0
- name: REELMESH_ADMIN_PORT
  value: "7100"
{{- if $service.edge }}
- name: REELMESH_GRPC_PORT
  value: "9090"
- name: REELMESH_HTTP_PORT
  value: "8080"
{{- else if $service.grpc }}
- name: REELMESH_GRPC_PORT
  value: "7000"
{{- end }}
- name: REELMESH_LOG_LEVEL
  value: {{ $values.logLevel }}
{{- if or $service.edge $service.grpc }}
- name: REELMESH_LEAVE_SECONDS
  value: {{ $service.leaveSeconds | quote }}
{{- end }}
- name: REELMESH_DRAIN_SECONDS
  value: {{ $service.drainSeconds | quote }}
{{- with $values.otlpEndpoint }}
- name: REELMESH_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- range $service.calls }}
- name: REELMESH_{{ . | upper | replace "-" "_" }}_ADDRESS
  value: dns:///{{ $full }}-{{ . }}.{{ $.root.Release.Namespace }}.svc.{{ $values.clusterDomain }}:7000
{{- end }}
{{- with include "reelmesh.usesEnv" (dict "root" .root "uses" $service.uses) | trim }}
{{ . }}
{{- end }}
{{- if and $values.tls.existingSecret (or $service.grpc $service.calls) }}
- name: REELMESH_TLS_CERTIFICATE_FILE
  value: /etc/reelmesh/tls/tls.crt
- name: REELMESH_TLS_KEY_FILE
  value: /etc/reelmesh/tls/tls.key
- name: REELMESH_TLS_CA_FILE
  value: /etc/reelmesh/tls/ca.crt
{{- if $values.tls.mutual }}
- name: REELMESH_TLS_CLIENT_CA_FILE
  value: /etc/reelmesh/tls/ca.crt
{{- end }}
{{- end }}
{{- if and $service.edge $values.tls.public.existingSecret }}
- name: REELMESH_PUBLIC_CERTIFICATE_FILE
  value: /etc/reelmesh/public-tls/tls.crt
- name: REELMESH_PUBLIC_KEY_FILE
  value: /etc/reelmesh/public-tls/tls.key
- name: REELMESH_PUBLIC_HTTP_TLS
  value: {{ $values.tls.public.http | quote }}
{{- end }}
{{- if and $service.accounts (include "reelmesh.accountsConfigMap" .root) }}
- name: REELMESH_ACCOUNTS_FILE
  value: /etc/reelmesh/accounts/accounts.yaml
{{- end }}
{{- if or $service.edge (and $service.worker $service.accounts) }}
{{- with $values.publicUrl }}
- name: REELMESH_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- if $values.webhooks.existingSecret }}
- name: REELMESH_WEBHOOK_KEY
  {{- include "reelmesh.fromSecret" (dict "name" $values.webhooks.existingSecret "key" $values.webhooks.keyKey) | nindent 2 }}
{{- end }}
{{- end }}
{{- if or $service.edge $service.worker }}
- name: REELMESH_DATA_FOLDER
  value: /var/lib/reelmesh
{{- end }}
{{- if $service.worker }}
- name: REELMESH_WORKER_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}
{{- range $variable, $value := $service.env }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $variable, $from := $service.secretEnv }}
- name: {{ $variable }}
  {{- include "reelmesh.fromSecret" $from | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Secrets of certificates and credentials that a service mounts, as YAML {volumes: [{name, secret, items}]}; takes {root, service}. */}}
{{- define "reelmesh.secretFiles" -}}
{{- $values := .root.Values -}}
{{- $found := list -}}
{{- if and $values.tls.existingSecret (or .service.grpc .service.calls) -}}
{{- $found = append $found (dict "name" "tls" "secret" $values.tls.existingSecret) -}}
{{- end -}}
{{- if and .service.edge $values.tls.public.existingSecret -}}
{{- $found = append $found (dict "name" "public-tls" "secret" $values.tls.public.existingSecret) -}}
{{- end -}}
{{- if and (has "nats" .service.uses) (not $values.embedded.nats.enabled) -}}
{{- with $values.nats.credentials -}}
{{- if .existingSecret -}}
{{- $found = append $found (dict "name" "nats" "secret" .existingSecret "items" (list (dict "key" .fileKey "path" "mesh.creds"))) -}}
{{- end -}}
{{- end -}}
{{- with $values.nats.nkey -}}
{{- if .existingSecret -}}
{{- $found = append $found (dict "name" "nats" "secret" .existingSecret "items" (list (dict "key" .seedKey "path" "mesh.nk"))) -}}
{{- end -}}
{{- end -}}
{{- if $values.nats.tls.existingSecret -}}
{{- $found = append $found (dict "name" "nats-tls" "secret" $values.nats.tls.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "volumes" $found) -}}
{{- end -}}
