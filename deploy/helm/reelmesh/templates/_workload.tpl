{{/* The Pods of a service, whoever replaces them; takes {root, name, service}. */}}
{{- define "reelmesh.pod" -}}
{{- $values := .root.Values -}}
{{- $full := include "reelmesh.fullname" .root -}}
{{- $service := .service -}}
{{- $name := .name -}}
{{- $secretFiles := (include "reelmesh.secretFiles" . | fromYaml).volumes -}}
metadata:
  labels:
    {{- include "reelmesh.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ $name }}
    {{- with $service.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or $service.files $service.podAnnotations }}
  annotations:
    {{- if $service.files }}
    # Files are read at the start, accounts.yaml again whenever it changes.
    checksum/files: {{ toJson $service.files | sha256sum }}
    {{- end }}
    {{- with $service.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "reelmesh.account" . }}
  automountServiceAccountToken: {{ $service.serviceAccount.automount }}
  # Variables of Services are named like settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $service.terminationGracePeriodSeconds }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml $service.podSecurityContext | nindent 4 }}
  {{- with $service.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $service.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $service.topologySpreadConstraints | nindent 4 }}
  {{- else if $service.spread }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "reelmesh.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $name }}
    {{- end }}
  {{- end }}
  {{- if and $service.edge $values.apiKeys.existingSecret }}
  initContainers:
    # The gateway has its lock beside the keys: its folder is writable, and the file in it leads to the Secret.
    - name: api-keys
      image: {{ include "reelmesh.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [ln, -sfn, /etc/reelmesh/keys/api-keys.json, /var/lib/reelmesh/api-keys.json]
      securityContext:
        {{- toYaml $service.securityContext | nindent 8 }}
      resources:
        requests: {cpu: 10m, memory: 16Mi}
        limits: {memory: 64Mi}
      volumeMounts:
        - {name: data, mountPath: /var/lib/reelmesh}
  {{- end }}
  containers:
    - name: {{ $name }}
      image: {{ include "reelmesh.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [python, -m, {{ $service.package }}]
      env:
        {{- include "reelmesh.env" . | nindent 8 }}
      {{- with $service.envFromSecret }}
      envFrom:
        - secretRef:
            name: {{ . }}
      {{- end }}
      ports:
        {{- include "reelmesh.ports" $service | trim | nindent 8 }}
      # What is open last tells of a start; from then on the process tells itself how it is.
      startupProbe:
        {{- if or $service.edge $service.grpc }}
        tcpSocket: {port: grpc}
        {{- else }}
        httpGet: {path: /live, port: admin}
        {{- end }}
        periodSeconds: {{ $service.startup.periodSeconds }}
        failureThreshold: {{ $service.startup.failureThreshold }}
      readinessProbe:
        httpGet: {path: /ready, port: admin}
        periodSeconds: {{ $service.readiness.periodSeconds }}
        timeoutSeconds: 4
        failureThreshold: {{ $service.readiness.failureThreshold }}
      livenessProbe:
        httpGet: {path: /live, port: admin}
        periodSeconds: {{ $service.liveness.periodSeconds }}
        timeoutSeconds: 5
        failureThreshold: {{ $service.liveness.failureThreshold }}
      securityContext:
        {{- toYaml $service.securityContext | nindent 8 }}
      resources:
        {{- toYaml $service.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/reelmesh}
        - {name: scratch, mountPath: /tmp}
        {{- if and $service.accounts (include "reelmesh.accountsConfigMap" .root) }}
        - {name: accounts, mountPath: /etc/reelmesh/accounts, readOnly: true}
        {{- end }}
        {{- if $service.files }}
        - {name: files, mountPath: /etc/reelmesh/files, readOnly: true}
        {{- end }}
        {{- if and $service.edge $values.apiKeys.existingSecret }}
        - {name: api-keys, mountPath: /etc/reelmesh/keys, readOnly: true}
        {{- end }}
        {{- range $secretFiles }}
        - {name: {{ .name }}, mountPath: /etc/reelmesh/{{ .name }}, readOnly: true}
        {{- end }}
        {{- with $service.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if and $service.edge $values.apiKeys.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ $values.apiKeys.existingClaim }}
    {{- else if not $service.data.persistence.enabled }}
    - name: data
      emptyDir:
        sizeLimit: {{ $service.data.sizeLimit }}
    {{- end }}
    - name: scratch
      emptyDir:
        sizeLimit: {{ $service.scratchSizeLimit }}
    {{- if and $service.accounts (include "reelmesh.accountsConfigMap" .root) }}
    - name: accounts
      configMap:
        name: {{ include "reelmesh.accountsConfigMap" .root }}
    {{- end }}
    {{- if $service.files }}
    - name: files
      configMap:
        name: {{ $full }}-{{ $name }}-files
    {{- end }}
    {{- if and $service.edge $values.apiKeys.existingSecret }}
    - name: api-keys
      secret:
        secretName: {{ $values.apiKeys.existingSecret }}
        items:
          - {key: {{ $values.apiKeys.fileKey }}, path: api-keys.json}
    {{- end }}
    {{- range $secretFiles }}
    - name: {{ .name }}
      secret:
        secretName: {{ .secret }}
        # Of the group of the Pod, and of nobody else.
        defaultMode: 0440
        {{- with .items }}
        items:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- with $service.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Ports of a service's container. */}}
{{- define "reelmesh.ports" -}}
{{- if .edge }}
- {name: http, containerPort: 8080}
- {name: grpc, containerPort: 9090}
{{- else if .grpc }}
- {name: grpc, containerPort: 7000}
{{- end }}
- {name: admin, containerPort: 7100}
{{- end -}}
